/**
 * A folder of pictures whose answers are known from where they lie: each in a folder named after its answer, or beside a text
 * file of the same name.
 *
 *     pets/cat/1.jpg, pets/cat/2.jpg, pets/guinea_pig/1.jpg      "cat", "cat", "guinea pig"
 *     trip/1.jpg and trip/1.txt                                  what 1.txt says
 */
import { readdir, readFile } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { FileError } from '@casa-js/base'

export interface LabelledPicture {
  /** Relative to the folder, with "/" between names. */
  path: string
  answer: string
  /** The picture's folder gave the answer, or a text file beside it did. */
  from: 'folder' | 'text'
}

export interface PictureFolder {
  /** In the order of their paths. */
  pictures: LabelledPicture[]
  /** Paths of pictures in the folder itself that have no text file, or an empty one. */
  unlabelled: string[]
}

const pictureTypes = new Set(['.png', '.jpg', '.jpeg', '.webp', '.gif', '.avif', '.tif', '.tiff', '.bmp'])

/**
 * Finds the pictures in `folder` and its subfolders, and what they show. A text file beside a picture counts more than its folder's
 * name, in which "_" and "-" stand for spaces. Hidden files and folders are left out. Pictures are not opened.
 *
 * @throws FileError when the folder cannot be read or holds no picture.
 */
export async function readPictureFolder(folder: string): Promise<PictureFolder> {
  const names = await namesIn(folder)
  const texts = new Set(names.filter((name) => extname(name).toLowerCase() === '.txt'))
  const found: PictureFolder = { pictures: [], unlabelled: [] }
  for (const path of names) {
    const extension = extname(path)
    if (!pictureTypes.has(extension.toLowerCase())) continue
    const beside = `${path.slice(0, -extension.length)}.txt`
    const text = texts.has(beside) ? (await readFile(join(folder, beside), 'utf8')).trim() : ''
    const answer = text || folderAnswer(path)
    if (answer) found.pictures.push({ path, answer, from: text ? 'text' : 'folder' })
    else found.unlabelled.push(path)
  }
  if (found.pictures.length + found.unlabelled.length === 0)
    throw new FileError(folder, `there are no pictures here (${[...pictureTypes].join(' ')})`)
  return found
}

/**
 * Takes every n-th picture of each answer away from training, so that learning can be judged. Pictures with texts of their own count as one
 * kind.
 *
 * @param every 0 for none
 */
export function holdOut(
  pictures: readonly LabelledPicture[],
  every: number,
): { learnt: LabelledPicture[]; heldOut: LabelledPicture[] } {
  const counts = new Map<string, number>()
  const learnt: LabelledPicture[] = []
  const heldOut: LabelledPicture[] = []
  for (const picture of pictures) {
    const kind = picture.from === 'folder' ? `folder ${picture.answer}` : 'text'
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    const isHeldOut = every > 0 && count % every === 0
    ;(isHeldOut ? heldOut : learnt).push(picture)
  }
  return { learnt, heldOut }
}

async function namesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    const known: Record<string, string> = { ENOTDIR: 'this is not a folder', ENOENT: 'there is no such folder' }
    const what = known[error.code ?? ''] ?? `this folder cannot be read (${error.message})`
    throw new FileError(folder, what, { cause: error })
  })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, '/').length).replaceAll('\\', '/'))
    .filter((path) => path.split('/').every((name) => !name.startsWith('.')))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

function folderAnswer(path: string): string {
  const parts = path.split('/')
  return parts.length === 1 ? '' : basename(parts.at(-2)!).replaceAll(/[_-]+/g, ' ').trim()
}
