/** Turns picked or dropped model folders, and URLs, into the loader's folder sources. */
import { FileError } from '@casa-js/base'
import { blobSource, folderAt, type AddressOptions, type FolderSource } from '@casa-js/weights'
import type { ModelSource } from './protocol.ts'

/**
 * @returns the folder behind a model source, not yet read
 * @throws FileError when the files contain no config.json, WeightError when a repository does not exist.
 */
export async function openSource(model: ModelSource, options: AddressOptions): Promise<FolderSource> {
  if (typeof model === 'string') return folderAt(model, options)
  return isHandle(model) ? handleFolder(model) : filesFolder(model)
}

/** Name of a model source in messages and lists. */
export function nameOf(model: ModelSource): string {
  if (typeof model === 'string') return model
  if (isHandle(model)) return model.name
  return model[0]?.webkitRelativePath.split('/')[0] || 'dropped files'
}

/** Checks the methods, because Array.isArray does not narrow readonly arrays. */
const isHandle = (model: Exclude<ModelSource, string>): model is FileSystemDirectoryHandle => 'getFileHandle' in model

/** A folder chosen with showDirectoryPicker, or dropped. */
function handleFolder(folder: FileSystemDirectoryHandle): FolderSource {
  return {
    name: folder.name,
    async open(file) {
      try {
        const handle = await folder.getFileHandle(file)
        return blobSource(`${folder.name}/${file}`, await handle.getFile())
      } catch (error) {
        if ((error as DOMException).name === 'NotFoundError') return undefined
        throw new FileError(`${folder.name}/${file}`, `cannot be read: ${(error as Error).message}`, { cause: error })
      }
    },
  }
}

/** Files of <input type=file webkitdirectory> or of a drop; files in subfolders are ignored. */
function filesFolder(files: readonly File[]): FolderSource {
  const name = nameOf(files)
  const byName = new Map(files.filter((file) => file.webkitRelativePath.split('/').length <= 2).map((file) => [file.name, file]))
  if (!byName.has('config.json')) {
    const some = [...byName.keys()].slice(0, 5).join(', ') || 'nothing'
    throw new FileError(name, `no config.json among the files (found ${some}): choose the folder that holds it`)
  }
  return {
    name,
    open: async (file) => {
      const found = byName.get(file)
      return found && blobSource(`${name}/${file}`, found)
    },
  }
}
