/**
 * Memory does not grow with the number of examples: an epoch of many shards, in a process of its own, takes what one of few takes.
 *
 * 100,000 examples beside 1,000, 0.5 GB of disk, some minutes; too much for the gate:
 *
 *     CASA_SCALE=100000 npx vitest run --project node packages/data/src/shards/memory.test.ts
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TarSample } from './tar.ts'
import { writeShards } from './write-shards.node.ts'

const many = Number(process.env.CASA_SCALE ?? 0)
const few = 1000
const buffer = 1000

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-scale-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Examples of about 4 KB. */
async function* samples(count: number): AsyncGenerator<TarSample> {
  for (let i = 0; i < count; i++) {
    const row = { question: `What is the picture of example ${i}?`, answer: String(i) }
    yield {
      key: String(i).padStart(9, '0'),
      files: new Map([
        ['json', Buffer.from(JSON.stringify(row))],
        ['png', Buffer.alloc(2500, i)],
      ]),
    }
  }
}

const tsx = createRequire(import.meta.url).resolve('tsx')
const program = fileURLToPath(new URL('../fixtures/read-epoch.ts', import.meta.url))

async function measure(count: number): Promise<{ examples: number; peakRssMb: number; retainedMb: number }> {
  const out = join(folder, String(count))
  await writeShards(samples(count), { out, maxExamples: 500 })
  const options = ['--import', tsx, '--conditions=@casa-js/source', '--expose-gc', program, out, String(buffer)]
  const { stdout } = await promisify(execFile)(process.execPath, options)
  return JSON.parse(stdout)
}

it.runIf(many > few)('reads many examples in the memory that few take', { timeout: 1_200_000 }, async () => {
  const [small, large] = [await measure(few), await measure(many)]
  console.log(small, large)
  expect([small.examples, large.examples]).toEqual([few, many])
  // The many are 400 MB. The peak is as the garbage collector pleases; what is held when it has run is the measure.
  expect(large.retainedMb - small.retainedMb).toBeLessThan(2)
  expect(large.peakRssMb - small.peakRssMb).toBeLessThan(50)
})
