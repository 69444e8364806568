/** `casa data` over a small JSONL file with one bad row. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openShards } from '@casa-js/data'
import { decodeImage } from '@casa-js/vision'
import { Command } from 'commander'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { register } from './data.ts'

const samples = fileURLToPath(new URL('../../samples', import.meta.url))
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'casa-data-'))
})
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

/** Runs `casa data` and returns what it printed. */
async function casaData(...args: string[]): Promise<string> {
  const printed: string[] = []
  for (const stream of ['log', 'error'] as const)
    vi.spyOn(console, stream).mockImplementation((line) => void printed.push(String(line)))
  const program = new Command().exitOverride()
  register(program)
  await program.parseAsync(['node', 'casa', 'data', ...args])
  return printed.join('\n')
}

test('packs a JSONL file into shards that a run can read, says what it left out, and indexes them anew', async () => {
  const rows = ['sign.png', 'absent.png', 'emoji.png'].map((image) => ({ image, question: 'What is it?', answer: image }))
  const file = join(folder, 'rows.jsonl')
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))
  const out = join(folder, 'shards')
  const packed = await casaData('pack', file, '--images', samples, '--out', out)
  expect(packed).toMatch(/rows\.jsonl:2 is left out: .*absent\.png/)
  expect(packed).toMatch(/shard-000000\.tar {2}2 examples/)
  expect(packed).toMatch(/1 shard, 2 examples/)
  await expect(casaData('pack', file, '--images', samples, '--out', out)).rejects.toThrow(/--force/)

  const read = async () => {
    const dataset = await openShards({ shards: out, decode: (bytes) => decodeImage(bytes) })
    return Promise.all([0, 1].map(async (i) => (await dataset.get(i)).messages[1]!.content))
  }
  const answers = [[{ type: 'text', text: 'sign.png' }], [{ type: 'text', text: 'emoji.png' }]]
  expect(await read()).toEqual(answers)
  for (const name of readdirSync(out)) if (name.endsWith('.json')) rmSync(join(out, name))
  expect(await casaData('index', out)).toMatch(/1 shard, 2 examples/)
  expect(await read()).toEqual(answers)
})
