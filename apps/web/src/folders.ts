/** Pictures in folders, dropped or chosen: the folder's name is the label. */

export interface LabelledFile {
  blob: Blob
  name: string
  /** The name of the folder that the picture lies in; empty for a picture that was given alone. */
  answer: string
}

const isPicture = (file: File): boolean => file.type.startsWith('image/')
const labelOf = (folder: string | undefined): string => (folder ?? '').replaceAll(/[_-]+/g, ' ').trim()

/** Files of <input type=file>, with or without webkitdirectory. */
export function filesOf(input: HTMLInputElement): LabelledFile[] {
  return [...(input.files ?? [])]
    .filter(isPicture)
    .map((file) => ({ blob: file, name: file.name, answer: labelOf(file.webkitRelativePath.split('/').at(-2)) }))
}

/** Pictures of a drop, those of its folders included. */
export async function filesOfDrop(transfer: DataTransfer | null): Promise<LabelledFile[]> {
  // All entries are taken before the first wait: the browser forgets a drop when its event is over.
  const entries = [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  const found: LabelledFile[] = []
  for (const entry of entries) await walk(entry, undefined, found)
  return found
}

async function walk(entry: FileSystemEntry, folder: string | undefined, found: LabelledFile[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    if (isPicture(file)) found.push({ blob: file, name: file.name, answer: labelOf(folder) })
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  // A reader gives a hundred entries at a time.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return
    for (const one of some) await walk(one, entry.name, found)
  }
}
