/** Files of the packages that hold the material. */
import { createRequire } from 'node:module'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CasaError } from '@casa-js/base'

const require = createRequire(import.meta.url)

/** Folder of an installed package. @throws CasaError saying what to install. */
export function packageFolder(name: string): string {
  try {
    return dirname(require.resolve(`${name}/package.json`))
  } catch {
    throw new CasaError(`package ${name} is not installed; run "pnpm install" at the top of the checkout`)
  }
}

/** Text of a file of an installed package. @throws CasaError naming the file when the package lacks it. */
export function packageText(name: string, file: string): string {
  const path = join(packageFolder(name), file)
  if (!existsSync(path)) throw new CasaError(`package ${name} has no ${file}; reinstall the version that the workspace pins`)
  return readFileSync(path, 'utf8')
}
