/** Golden files under one root, wherever they lie: in a folder, or at an address. */
import { FileError } from '@casa-js/base'
import { memorySource, Safetensors, type FolderSource } from '@casa-js/weights'

/** A folder of goldens with all folders below it. */
export interface GoldenTree {
  /** Name in errors and reports: a path or an address. */
  readonly name: string
  /** Paths of all files, relative to the root, with slashes. */
  readonly files: readonly string[]
  /** Whether a file is there. Its path may begin with "../": some goldens need a folder beside theirs. */
  has(file: string): boolean
  /** The whole file. @throws FileError when it cannot be read, or the signal's reason */
  read(file: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>
  /** Qwen2.5's tokenizer.json, for goldens of token ids that have none beside them. */
  tokenizerJson?(): Promise<unknown>
}

/** Tensors of a golden file by name, whatever their dtype. */
export interface Golden {
  has(name: string): boolean
  names(): string[]
  shape(name: string): number[]
  floats(name: string): Promise<Float32Array>
  integers(name: string): Promise<Int32Array>
  close(): Promise<void>
}

/** One folder of a tree, as the checks read it. */
export interface GoldenFiles {
  /** Name in errors. */
  readonly name: string
  readonly tree: GoldenTree
  /** What model loaders read. */
  readonly source: FolderSource
  /** Whether all these files are there. */
  holds(...files: string[]): boolean
  /** The folder `name` beside this one. */
  beside(name: string): GoldenFiles
  bytes(file: string): Promise<Uint8Array<ArrayBuffer>>
  /** @throws FileError when the file is not JSON */
  json<T>(file: string): Promise<T>
  /** @throws WeightError when the file is not a valid safetensors file */
  tensors(file?: string): Promise<Golden>
}

/** @param path of the folder in the tree; '' is its root */
export function filesIn(tree: GoldenTree, path: string): GoldenFiles {
  const pathOf = (file: string) => (path === '' ? file : `${path}/${file}`)
  const name = path === '' ? tree.name : `${tree.name.replace(/\/$/, '')}/${path}`
  const bytes = (file: string, signal?: AbortSignal) => tree.read(pathOf(file), signal)
  return {
    name,
    tree,
    source: {
      name,
      open: async (file, signal) =>
        tree.has(pathOf(file)) ? memorySource(`${name}/${file}`, await bytes(file, signal)) : undefined,
    },
    holds: (...files) => files.every((file) => tree.has(pathOf(file))),
    beside: (other) => filesIn(tree, path === '' ? `../${other}` : [...path.split('/').slice(0, -1), other].join('/')),
    bytes: (file) => bytes(file),
    async json<T>(file: string) {
      const text = new TextDecoder().decode(await bytes(file))
      try {
        return JSON.parse(text) as T
      } catch (cause) {
        throw new FileError(`${name}/${file}`, `not JSON: ${(cause as Error).message}`, { cause })
      }
    },
    async tensors(file = 'golden.safetensors') {
      const source = await Safetensors.open(memorySource(`${name}/${file}`, await bytes(file)))
      const entries = source.entries()
      return {
        has: (tensor) => entries.has(tensor),
        names: () => [...entries.keys()],
        shape: (tensor) => entries.get(tensor)!.shape,
        floats: (tensor) => source.read(tensor),
        integers: (tensor) => source.readInt32(tensor),
        close: () => source.close(),
      }
    },
  }
}

/** Lists a tree's files at an address, where no folder can be listed. */
export const listName = 'goldens.json'

/**
 * Goldens that a web server holds. Nothing but the list is fetched until a check reads it.
 * @param address of the folder; it holds goldens.json, a list of its files
 * @throws FileError when there is no such list, or the signal's reason
 */
export async function goldensAt(address: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<GoldenTree> {
  const base = address.endsWith('/') ? address : `${address}/`
  const read: GoldenTree['read'] = async (file, stop = signal) => {
    const url = new URL(file, base).href
    try {
      const response = await fetch(url, { signal: stop ?? null })
      if (response.ok) return new Uint8Array(await response.arrayBuffer())
      throw new FileError(url, `the server answered ${response.status}`)
    } catch (cause) {
      stop?.throwIfAborted()
      if (FileError.isInstance(cause)) throw cause
      throw new FileError(url, `cannot be fetched: ${(cause as Error).message}`, { cause })
    }
  }
  const files = readList(new TextDecoder().decode(await read(listName)), new URL(listName, base).href)
  const known = new Set(files)
  return { name: address, files, has: (file) => known.has(file), read }
}

function readList(text: string, name: string): string[] {
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch (cause) {
    // Servers of single-page applications answer every address with their page.
    throw new FileError(name, 'not JSON: there are no goldens at this address', { cause })
  }
  if (Array.isArray(list) && list.every((file) => typeof file === 'string' && !file.split('/').includes('..'))) return list
  throw new FileError(name, 'expected a list of files, relative to its own address')
}
