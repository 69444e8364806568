/** The code version of a result: a hash over the packages of casa-js as they are loaded, the lockfile, and the study's own files. */
import { createHash, type Hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FileError } from '@casa-js/base'

/** Every package that can affect a result. */
const PACKAGES = [
  'base',
  'core',
  'tensor',
  'tokenizers',
  'weights',
  'backbones',
  'casa',
  'vision',
  'vlm',
  'data',
  'train',
  'study',
]
const LOCKFILES = ['pnpm-lock.yaml', 'package-lock.json', 'yarn.lock', 'bun.lock']

/**
 * Hashes the code.
 *
 * @param studyFolder folder of the study file: its code files count too, those of subfolders included
 * @param out folder of the results, which do not count
 * @returns 12 hex digits
 */
export async function codeVersion(studyFolder: string, out: string): Promise<string> {
  const hash = createHash('sha256')
  for (const name of PACKAGES) {
    const folder = await codeFolder(name)
    await hashFolder(hash, folder, name)
  }
  const lockfile = await findLockfile(studyFolder)
  hash.update(lockfile ? await readFile(lockfile) : 'no lockfile')
  await hashFolder(hash, studyFolder, 'study', out)
  return hash.digest('hex').slice(0, 12)
}

/** Folder of the code that an import of the package loads: src in a checkout, dist where it is installed. */
async function codeFolder(name: string): Promise<string> {
  for (const near of ['@casa-js/train', '@casa-js/eval']) {
    const entry = await realpath(fileURLToPath(import.meta.resolve(near)))
    const code = basename(dirname(entry))
    // Packages lie side by side: in a checkout, in node_modules/@casa-js, and in each package's own node_modules under pnpm.
    for (const beside of [join(entry, '../../..'), join(fileURLToPath(import.meta.resolve(near)), '../../..')]) {
      const folder = join(beside, name, code)
      if (existsSync(folder)) return realpath(folder)
    }
  }
  throw new FileError(
    `@casa-js/${name}`,
    'its code cannot be found beside the other packages, so results could not say what made them',
  )
}

async function hashFolder(hash: Hash, folder: string, label: string, except?: string): Promise<void> {
  const files: string[] = []
  const pending = [folder]
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const entry of await readdir(at, { withFileTypes: true })) {
      const path = join(at, entry.name)
      if (entry.isDirectory() && entry.name !== 'node_modules' && path !== except) pending.push(path)
      if (entry.isFile() && isCode(entry.name)) files.push(path)
    }
  }
  for (const file of files.sort()) hash.update(`${label}${file.slice(folder.length)}\0`).update(await readFile(file))
}

function isCode(name: string): boolean {
  return /\.(ts|mts|js|mjs|json|wasm)$/.test(name) && !/\.(test|bench|d)\./.test(name)
}

async function findLockfile(start: string): Promise<string | undefined> {
  for (let folder = start; ; folder = dirname(folder)) {
    const found = LOCKFILES.map((name) => join(folder, name)).find((path) => existsSync(path))
    if (found || folder === dirname(folder)) return found
  }
}
