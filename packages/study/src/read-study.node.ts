/** A study file -> its plan. */
import { readFile } from 'node:fs/promises'
import { basename, extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CasaError, FileError } from '@casa-js/base'
import { planStudy, type StudyPlan } from './plan.ts'

/**
 * Reads and checks a study file.
 *
 * @param file study.json, or a module whose default export is a StudyDefinition. TypeScript needs a loader such as tsx.
 * @throws FileError when it cannot be read; ConfigError naming the field
 */
export async function readStudy(file: string): Promise<StudyPlan> {
  const path = resolve(file)
  try {
    const json: unknown =
      extname(path) === '.json'
        ? JSON.parse(await readFile(path, 'utf8'))
        : ((await import(pathToFileURL(path).href)) as { default?: unknown }).default
    return planStudy(json, basename(path))
  } catch (error) {
    if (CasaError.isInstance(error)) throw error
    throw new FileError(file, `this study file cannot be loaded: ${(error as Error).message}`, { cause: error })
  }
}
