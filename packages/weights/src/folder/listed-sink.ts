/** A folder that records what is written to it, for its casa-folder.json. */
import { createHasher } from '#platform'
import type { FolderSink } from '../bytes/folder.ts'
import { commitAfter, type ByteSink } from '../bytes/sink.ts'
import { folderMark, markText, type FolderMark } from './mark.ts'

export interface ListedSink extends FolderSink {
  /** Writes casa-folder.json: the kind, and every file that was committed. The last file of a folder. */
  writeMark(kind: string): Promise<void>
}

export function listedSink(folder: FolderSink): ListedSink {
  const files: NonNullable<FolderMark['files']> = {}
  return {
    name: folder.name,
    async create(file) {
      const sink = await folder.create(file)
      if (!/\.(safetensors|gguf)$/.test(file)) return { ...sink, commit: () => sink.commit().then(() => void (files[file] = {})) }
      return hashed(sink, (sizeBytes, sha256) => (files[file] = { sizeBytes, sha256 }))
    },
    async writeMark(kind) {
      const sink = await folder.create(folderMark)
      await commitAfter(sink, () => sink.write(new TextEncoder().encode(markText({ kind, files }))))
    },
  }
}

function hashed(sink: ByteSink, note: (sizeBytes: number, sha256: string) => void): ByteSink {
  const hash = createHasher('sha256')
  let sizeBytes = 0
  return {
    ...sink,
    async write(bytes) {
      hash.update(bytes)
      sizeBytes += bytes.byteLength
      await sink.write(bytes)
    },
    async commit() {
      await sink.commit()
      note(sizeBytes, hash.hex())
    },
  }
}
