/** A flat folder of files: what a model folder is read from and written to. */
import { memorySource, type ByteSource } from './source.ts'
import type { TensorSource } from '../safetensors/reader.ts'
import { memorySink, type ByteSink } from './sink.ts'

export interface FolderSource {
  /** What errors call it: a path or an address. */
  readonly name: string
  /** undefined when there is no such file; any other trouble throws. */
  open(file: string, signal?: AbortSignal): Promise<ByteSource | undefined>
  /** The weights, where they do not lie in safetensors files. */
  openWeights?(signal?: AbortSignal): Promise<TensorSource>
}

export interface FolderSink {
  readonly name: string
  create(file: string): Promise<ByteSink>
}

/** Files in memory, by name: for tests and for models that a page has built itself. */
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
