import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { folderCache } from './cache.node.ts'
import { clearCache, listCache, verifyCache } from './cache-contents.node.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-contents-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function keep(key: string, text: string): Promise<void> {
  const draft = await folderCache(folder).draft(key)
  const bytes = new TextEncoder().encode(text)
  await draft.reset({ totalBytes: bytes.length })
  await draft.append(bytes)
  await draft.commit(createHash('sha256').update(bytes).digest('hex'))
}

async function states(): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for await (const { key, state } of verifyCache({ folder })) found[key] = state
  return found
}

describe('what lies in the cache', () => {
  it('is listed and verified, and nothing is changed by that', async () => {
    await keep('hub/org/a/1/config.json', '{}')
    await keep('http/2/model.safetensors', 'weights')
    await writeFile(join(folder, 'http/2/model.safetensors'), 'WEIGHTS')
    await mkdir(join(folder, 'sha256'))
    await writeFile(join(folder, 'sha256/old'), 'of an older version')
    const half = await folderCache(folder).draft('http/2/half')
    await half.reset({})
    await half.append(Uint8Array.of(1))
    await half.release()
    const expected = {
      'http/2/half.part': 'partial',
      'http/2/model.safetensors': 'damaged',
      'hub/org/a/1/config.json': 'good',
      'sha256/old': 'unknown',
    }
    for (let i = 0; i < 2; i++) expect(await states()).toEqual(expected)
    expect((await listCache({ folder })).map(({ sizeBytes }) => sizeBytes)).toEqual([1, 7, 2, 19])
  })

  it('is cleared in part or whole, and what the cache did not make stays', async () => {
    await keep('hub/org/a/1/config.json', '{}')
    await keep('hub/org/b/1/config.json', '{}')
    await writeFile(join(folder, 'notes.txt'), 'mine')
    const removed = await clearCache({ folder, match: ({ key }) => key.startsWith('hub/org/a/') })
    expect(removed.map(({ key }) => key)).toEqual(['hub/org/a/1/config.json'])
    expect(Object.keys(await states())).toEqual(['hub/org/b/1/config.json'])
    await clearCache({ folder })
    expect(await readdir(folder)).toEqual(['notes.txt'])
  })

  it('is nothing where there is no cache yet', async () => {
    expect(await listCache({ folder: join(folder, 'none') })).toEqual([])
  })

  it('is hashed once after the download, and again when it was touched', async () => {
    await keep('http/1/file', 'text')
    const cache = folderCache(folder)
    await writeFile(join(folder, 'http/1/file'), 'tExt')
    expect(await cache.open('http/1/file')).toBeUndefined()
    expect(await listCache({ folder })).toEqual([])
  })
})
