import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import type { FolderMark } from '@casa-js/weights/node'

const model = new URL('../model/', import.meta.url)

it('ships a model whose casa-folder.json lists its files', async () => {
  const mark = JSON.parse(await readFile(new URL('casa-folder.json', model), 'utf8')) as FolderMark
  expect(mark.kind).toBe('model')
  expect(Object.keys(mark.files!).sort()).toEqual((await readdir(model)).filter((file) => file !== 'casa-folder.json').sort())
  const weights = await readFile(new URL('model.safetensors', model))
  expect(mark.files!['model.safetensors']).toEqual({
    sizeBytes: weights.length,
    sha256: createHash('sha256').update(weights).digest('hex'),
  })
})
