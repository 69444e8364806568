/** `casa info` and `casa ask` on a folder quantised by `casa convert`. */
import { close, init } from '@casa-js/tensor'
import { compressedForm } from '@casa-js/tensor/internal'
import { encodePng } from '@casa-js/vision'
import { loadVlm } from '@casa-js/vlm'
import { Command } from 'commander'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { writeTinyModel } from '../fixtures/tiny-model.ts'
import * as ask from './ask.ts'
import * as convert from './convert.ts'
import * as info from './info.ts'

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'casa-quantized-'))
  await writeTinyModel(join(folder, 'bf16'), { width: 32, dtype: 'BF16' })
  writeFileSync(join(folder, 'grey.png'), await encodePng({ widthPx: 16, heightPx: 16, data: new Uint8Array(768).fill(120) }))
  await casa(convert, 'convert', join(folder, 'bf16'), join(folder, 'int8'), '--dtype', 'int8', '--keep', '^$', '--quiet')
})
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

/** Runs a command and returns its output. */
async function casa(command: { register(program: Command): void }, ...args: string[]): Promise<string> {
  const printed: string[] = []
  vi.spyOn(console, 'log').mockImplementation((line) => void printed.push(`${line}\n`))
  vi.spyOn(console, 'error').mockReturnValue()
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0)
  const program = new Command().exitOverride()
  command.register(program)
  await program.parseAsync(['node', 'casa', ...args])
  vi.restoreAllMocks()
  return printed.join('')
}

test('casa info says what is quantised', async () => {
  const facts = JSON.parse(await casa(info, 'info', join(folder, 'int8'), '--json'))
  expect(facts.dtypes.sort()).toEqual(['BF16', 'Q8'])
  expect(facts.total).toBe(JSON.parse(await casa(info, 'info', join(folder, 'bf16'), '--json')).total)
})

test('a model that is loaded to talk to takes the bytes of its file', async () => {
  await init({ device: 'cpu' })
  for (const weights of [undefined, 'compressed', 'float32'] as const) {
    const vlm = await loadVlm(join(folder, 'bf16'), { weights })
    expect(compressedForm(vlm.model.params['model.embed_tokens.weight']!)?.kind).toBe(weights === 'float32' ? undefined : 'bf16')
    vlm.dispose()
  }
  await close()
})

test('casa ask answers from quantised and from compressed weights', async () => {
  const answer = (model: string, ...more: string[]) =>
    casa(
      ask,
      'ask',
      join(folder, 'grey.png'),
      'What?',
      '--model',
      join(folder, model),
      '--max-tokens',
      '4',
      '--device',
      'cpu',
      ...more,
    )
  const asFloats = await answer('bf16', '--weights', 'float32')
  expect(asFloats.length).toBeGreaterThan(1)
  expect(await answer('bf16')).toBe(asFloats)
  expect(await answer('int8')).toBe(await answer('int8', '--weights', 'float32'))
})
