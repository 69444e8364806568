import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { FileError } from '@casa-js/base'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { holdOut, readPictureFolder, type LabelledPicture } from './picture-folder.node.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-pictures-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

test('folders and text files give the answers, in the order of the paths', async () => {
  await write({
    'guinea_pig/10.JPG': '',
    'guinea_pig/2.jpeg': '',
    'guinea_pig/2.txt': ' a black guinea pig\n',
    'pets/cat-dog/1.webp': '',
    'loose.png': '',
    'told.png': '',
    'told.txt': 'a sign',
    'empty.gif': '',
    'empty.txt': ' ',
    'notes.md': '',
    'cat/.thumbs/1.png': '',
    '.hidden.png': '',
  })
  expect(await readPictureFolder(folder)).toEqual({
    pictures: [
      { path: 'guinea_pig/2.jpeg', answer: 'a black guinea pig', from: 'text' },
      { path: 'guinea_pig/10.JPG', answer: 'guinea pig', from: 'folder' },
      { path: 'pets/cat-dog/1.webp', answer: 'cat dog', from: 'folder' },
      { path: 'told.png', answer: 'a sign', from: 'text' },
    ],
    unlabelled: ['empty.gif', 'loose.png'],
  })
  expect((await readPictureFolder(`${folder}/`)).pictures).toHaveLength(4)
})

test('a folder without pictures, a file and a name that is not there are refused in words', async () => {
  await write({ 'notes.txt': 'x' })
  await expect(readPictureFolder(folder)).rejects.toThrow('there are no pictures here')
  await expect(readPictureFolder(join(folder, 'notes.txt'))).rejects.toThrow('this is not a folder')
  await expect(readPictureFolder(join(folder, 'none'))).rejects.toBeInstanceOf(FileError)
})

test('every n-th picture of each answer is held out, and no picture is lost', () => {
  const picture = fc.record({
    path: fc.string(),
    answer: fc.constantFrom('cat', 'dog', 'fox'),
    from: fc.constantFrom<LabelledPicture['from'][]>('folder', 'text'),
  })
  fc.assert(
    fc.property(fc.array(picture, { maxLength: 60 }), fc.integer({ min: 0, max: 5 }), (pictures, every) => {
      const { learnt, heldOut } = holdOut(pictures, every)
      expect(new Set([...learnt, ...heldOut])).toEqual(new Set(pictures))
      expect(learnt.length + heldOut.length).toBe(pictures.length)
      for (const answer of ['cat', 'dog', 'fox']) {
        const of = (all: LabelledPicture[]) => all.filter((one) => one.from === 'folder' && one.answer === answer).length
        expect(of(heldOut)).toBe(every === 0 ? 0 : Math.floor(of(pictures) / every))
      }
    }),
  )
})
