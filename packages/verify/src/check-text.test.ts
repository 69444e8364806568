import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { verifyText } from './check-text.ts'
import type { Check } from './compare.ts'
import { goldensIn } from './node.ts'
import { filesIn } from './tree.ts'

/** The goldens of three packages in one folder, as `casa verify` meets them. */
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'casa-text-'))
  for (const name of ['eval', 'tokenizers', 'vlm']) {
    cpSync(fileURLToPath(new URL(`../../${name}/fixtures`, import.meta.url)), folder, { recursive: true })
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

async function checks(of: string): Promise<Check[]> {
  const all: Check[] = []
  for await (const check of verifyText(filesIn(goldensIn(of), ''))) all.push(check)
  return all
}

test('every golden of text is within its tolerance', async () => {
  const all = await checks(folder)
  expect(all).toHaveLength(16)
  expect(all.filter(({ error, tolerance, skipped }) => skipped || !(error <= tolerance))).toEqual([])
})

test('a wrong row is found and named', async () => {
  const rows = JSON.parse(readFileSync(join(folder, 'anls.json'), 'utf8'))
  rows[3].score = 0.25
  const wrong = mkdtempSync(join(folder, 'wrong-'))
  writeFileSync(join(wrong, 'anls.json'), JSON.stringify(rows))
  expect(await checks(wrong)).toEqual([
    { name: 'anls', error: 1, tolerance: 0, note: expect.stringContaining('1 of 300 rows differ; row 3') },
  ])
})
