/** Interfaces of a flat folder of files, from which model folders are read and to which they are written. */
import { memorySource, type ByteSource } from './source.ts'
import type { TensorSource } from '../safetensors/reader.ts'
import { memorySink, type ByteSink } from './sink.ts'

export interface FolderSource {
  /** Name used in errors: a path or an address. */
  readonly name: string
  /** The commit, where the folder is a repository at one commit. */
  readonly revision?: string
  /** undefined when there is no such file; any other failure throws. */
  open(file: string, signal?: AbortSignal): Promise<ByteSource | undefined>
  /** The weights, when they are not in safetensors files. */
  openWeights?(signal?: AbortSignal): Promise<TensorSource>
}

export interface FolderSink {
  readonly name: string
  create(file: string): Promise<ByteSink>
}

/** Files in memory, by name: for tests and for models built in the page itself. */
export function memoryFolder(
  name: string,
  files: Map<string, Uint8Array> = new Map(),
): FolderSource & FolderSink & { files: Map<string, Uint8Array> } {
  return {
    name,
    files,
    async open(file) {
      const bytes = files.get(file)
      return bytes && memorySource(`${name}/${file}`, bytes)
    },
    async create(file) {
      const sink = memorySink(`${name}/${file}`)
      return {
        ...sink,
        async commit() {
          await sink.commit()
          files.set(file, sink.bytes())
        },
      }
    },
  }
}
