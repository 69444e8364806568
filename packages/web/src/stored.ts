/** The models that this browser keeps: what the loader stored in the private file system of the page's origin. */
import { FileError } from '@casa-js/base'
import type { FolderSource } from '@casa-js/weights'

/** A model that was loaded from an address, and is kept so that it is not downloaded again. */
export interface StoredModel {
  /** The address that it was loaded from. */
  model: string
  bytes: number
  /** When it was loaded last, in milliseconds since 1970. */
  usedMs: number
}

/** Room for models. */
export interface StorageUse {
  /** Everything that this origin keeps. */
  usedBytes: number
  /** What the browser allows. */
  quotaBytes: number
  /** Whether the browser keeps it when the disk fills up. */
  isPersistent: boolean
}

/** One line of the list: the files that a model consists of, by their paths in the private file system. */
interface Entry {
  usedMs: number
  files: Record<string, number>
}

const listName = 'casa-js-models.json'
const cacheFolder = 'casa-js/'

/**
 * List the models that this origin keeps.
 * @returns the last used first
 */
export async function listModels(): Promise<StoredModel[]> {
  const entries = Object.entries(await navigator.locks.request(listName, { mode: 'shared' }, readList))
  const bytesOf = ({ files }: Entry) => Object.values(files).reduce((sum, bytes) => sum + bytes, 0)
  return entries
    .map(([model, entry]) => ({ model, bytes: bytesOf(entry), usedMs: entry.usedMs }))
    .sort((a, b) => b.usedMs - a.usedMs)
}

/**
 * Remove a model's files, except those that another kept model shares.
 * @param model its address, as `listModels` names it
 * @throws FileError when a file is in use
 */
export async function removeModel(model: string): Promise<void> {
  await withList(async (list) => {
    const gone = list[model]
    if (!gone) return
    delete list[model]
    const kept = new Set(Object.values(list).flatMap(({ files }) => Object.keys(files)))
    for (const path of Object.keys(gone.files)) {
      if (kept.has(path)) continue
      await removeFile(path)
      await removeFile(`${path}.note.json`)
    }
  })
}

/**
 * Ask the browser how much room there is.
 * @returns how much this origin keeps, and how much it may
 */
export async function storageUse(): Promise<StorageUse> {
  const { usage = 0, quota = 0 } = await navigator.storage.estimate()
  return { usedBytes: usage, quotaBytes: quota, isPersistent: await navigator.storage.persisted() }
}

/** Ask the browser to keep models even when the disk fills up. @returns whether it does; it may refuse without asking the person */
export const persistModels = (): Promise<boolean> => navigator.storage.persist()

/** The folder as it is, remembering which of its files are kept. `store` writes them to the list under `model`. */
export function recordFolder(folder: FolderSource, model: string): { folder: FolderSource; store(): Promise<void> } {
  const files: Record<string, number> = {}
  return {
    folder: {
      ...folder,
      async open(file, signal) {
        const source = await folder.open(file, signal)
        if (source?.name.startsWith(cacheFolder)) files[source.name] = source.size
        return source
      },
    },
    async store() {
      if (Object.keys(files).length > 0) await withList(async (list) => void (list[model] = { usedMs: Date.now(), files }))
    },
  }
}

/** Two tabs may change the list at once: it is read and written under a lock. */
async function withList(change: (list: Record<string, Entry>) => Promise<void>): Promise<void> {
  await navigator.locks.request(listName, async () => {
    const list = await readList()
    await change(list)
    const root = await navigator.storage.getDirectory()
    const stream = await (await root.getFileHandle(listName, { create: true })).createWritable()
    await stream.write(JSON.stringify(list))
    await stream.close()
  })
}

async function readList(): Promise<Record<string, Entry>> {
  const root = await navigator.storage.getDirectory()
  try {
    return JSON.parse(await (await (await root.getFileHandle(listName)).getFile()).text()) as Record<string, Entry>
  } catch {
    // None yet, or one that was cut off: what it named is downloaded again under the same names.
    return {}
  }
}

async function removeFile(path: string): Promise<void> {
  try {
    let folder = await navigator.storage.getDirectory()
    const parts = path.split('/')
    for (const part of parts.slice(0, -1)) folder = await folder.getDirectoryHandle(part)
    await folder.removeEntry(parts.at(-1)!)
  } catch (error) {
    if ((error as DOMException).name === 'NotFoundError') return
    throw new FileError(path, `cannot be removed: ${(error as Error).message}`, { cause: error })
  }
}
