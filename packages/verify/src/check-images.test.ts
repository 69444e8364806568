import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { passed, type Check } from './compare.ts'
import { verifyImages } from './check-images.ts'
import { goldensIn } from './node.ts'
import { filesIn } from './tree.ts'

const goldens = fileURLToPath(new URL('../../vision/src/fixtures/images', import.meta.url))

const checks = async (folder: string) => {
  const all: Check[] = []
  for await (const check of verifyImages(filesIn(goldensIn(folder), ''))) all.push(check)
  return all
}

test('our pictures equal the goldens', async () => {
  const all = await checks(goldens)
  expect(all.filter((check) => check.name.startsWith('resize.'))).toHaveLength(30)
  expect(all.slice(30).map(({ name }) => name)).toEqual(['patches.china', 'patches.flower', 'patches.noise', 'sizes'])
  for (const check of all) expect(check, check.name).toMatchObject({ error: 0, note: undefined })
})

test('a golden that is wrong fails, and says how', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'images-'))
  cpSync(goldens, folder, { recursive: true })
  const damage = (file: string, change: (bytes: Buffer) => void) => {
    const bytes = readFileSync(join(folder, file))
    change(bytes)
    writeFileSync(join(folder, file), bytes)
  }
  damage('resize.safetensors', (bytes) => (bytes[bytes.length - 1]! ^= 0x80))
  damage('patches.safetensors', (bytes) => bytes.writeFloatLE(9, bytes.length - 4))
  const sizes = JSON.parse(readFileSync(join(folder, 'sizes.json'), 'utf8'))
  sizes[3][4] = [28, 28]
  writeFileSync(join(folder, 'sizes.json'), JSON.stringify(sizes))

  const failed = (await checks(folder)).filter((check) => !passed(check))
  expect(failed).toHaveLength(3)
  expect(failed.find(({ name }) => name.startsWith('resize.'))?.note).toBe('bytes differ by up to 128')
  expect(failed.at(-1)?.note).toContain('first of 1 wrong rows: [2542,3284,')
})
