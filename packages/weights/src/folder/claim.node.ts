/**
 * Who may write into a folder. A command writes only into a folder that is new, empty, or marked as its own kind; anything else
 * needs `force`, which replaces files of the same names and leaves the others alone. A mark is the file casa-folder.json.
 */
import { mkdir, readdir, realpath } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { FileError } from '@casa-js/base'
import { explained, fileSink } from '../files/fs.node.ts'
import { commitAfter } from '../bytes/sink.ts'
import { folderMark, markText } from './mark.ts'
import { finishReplacement, markOf } from './replaced.node.ts'

export interface ClaimOptions {
  /** What the folder holds, e.g. "training run", "captions"; used in messages. */
  kind: string
  /** Write into a folder that is neither new, empty nor of this kind. Files with the same names are replaced, others are kept. */
  force?: boolean | undefined
  /** false: a folder of this kind is refused too without `force`; for outputs that are written once. Default true. */
  reuse?: boolean | undefined
  /** File names that the command will write, for the message that lists what `force` would replace. */
  writes?: readonly string[] | undefined
  /** Folders and files that the command reads. The target must not be or contain any of them, even with `force`. */
  inputs?: readonly string[] | undefined
  /** Name of the `force` option in messages. Default "--force". */
  forceOption?: string | undefined
}

export interface FolderClaim {
  /** Absolute. */
  readonly path: string
  /** 'marked': the folder carries the mark of this kind. 'forced': it holds something else and `force` was given. */
  readonly state: 'new' | 'empty' | 'marked' | 'forced'
  /** Names in the folder, without the mark. */
  readonly holds: readonly string[]
  /** Creates the folder if needed and marks it. Nothing is written before this call. */
  mark(): Promise<void>
}

/**
 * Checks whether a command may write into a folder. Call it before anything is written, and `mark` before the first file.
 * @param path of the folder; it need not exist.
 * @throws FileError saying what is there and what to do, when the folder must not be written to.
 */
export async function claimFolder(path: string, options: ClaimOptions): Promise<FolderClaim> {
  const { kind, force = false, reuse = true, inputs = [], forceOption = '--force' } = options
  const folder = resolve(path)
  for (const input of inputs) await refuseOverlap(path, folder, input)
  await finishReplacement(folder)
  const all = await namesIn(path, folder)
  if (!all) return claim(folder, 'new', [], kind)
  const holds = all.filter((name) => name !== folderMark)
  if (all.length === 0) return claim(folder, 'empty', holds, kind)
  const found = all.includes(folderMark) ? await markOf(folder) : undefined
  if (found?.kind === kind && reuse) return claim(folder, 'marked', holds, kind)
  if (force) return claim(folder, 'forced', holds, kind)
  const what = found ? `a folder of kind "${found.kind}"` : `a folder that casa did not make`
  throw new FileError(
    path,
    `it is ${what} and holds ${shown(holds)}. Choose a new or an empty folder` +
      `, or add ${forceOption}: ${consequence(holds, options.writes)}`,
  )
}

function claim(path: string, state: FolderClaim['state'], holds: string[], kind: string): FolderClaim {
  return {
    path,
    state,
    holds,
    async mark() {
      await explained(path, () => mkdir(path, { recursive: true }))
      if (state === 'marked') return
      const sink = await fileSink(join(path, folderMark))
      await commitAfter(sink, () => sink.write(new TextEncoder().encode(markText({ kind }))))
    },
  }
}

/** undefined: there is no such folder. */
async function namesIn(path: string, folder: string): Promise<string[] | undefined> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    if (code === 'ENOTDIR') throw new FileError(path, 'not a folder, or a file stands on the way to it. Choose another folder')
    if (code === 'EACCES' || code === 'EPERM') throw new FileError(path, `this folder may not be read (${code})`)
    throw error
  }
}

async function refuseOverlap(path: string, folder: string, input: string): Promise<void> {
  const [target, source] = await Promise.all([realPath(folder), realPath(resolve(input))])
  if (target !== source && !isInside(target, source)) return
  const how = target === source ? 'is' : 'holds'
  throw new FileError(path, `it ${how} ${input}, which is read: writing there could destroy it. Choose another folder`)
}

/** The real path of the nearest existing parent, with the rest appended. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(await realPath(parent), basename(path))
  }
}

function isInside(outer: string, inner: string): boolean {
  const way = relative(outer, inner)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && resolve(outer, way) === inner
}

function shown(names: readonly string[]): string {
  return names.length <= 4 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`
}

function consequence(holds: readonly string[], writes: readonly string[] | undefined): string {
  if (!writes) return 'files of the same names are replaced, others stay'
  const replaced = writes.filter((name) => holds.includes(name))
  return replaced.length === 0 ? 'nothing that lies there is replaced' : `it replaces ${replaced.join(', ')} and leaves the rest`
}
