import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dequantize, quantize } from '@casa-js/tensor'
import { openWeights, type ConvertReport, type QuantizedSource } from '@casa-js/weights'
import { Command } from 'commander'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { fixture } from '../fixtures/casa.ts'
import { register } from './convert.ts'

const model = fixture.language
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'casa-convert-'))
})
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

/** Runs `casa convert` and returns its output. */
async function casaConvert(...args: string[]): Promise<string> {
  const printed: string[] = []
  vi.spyOn(console, 'log').mockImplementation((line) => void printed.push(String(line)))
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const program = new Command().exitOverride()
  register(program)
  await program.parseAsync(['node', 'casa', 'convert', ...args])
  return printed.join('\n')
}

describe('casa convert', () => {
  test.each([
    ['int8', 8],
    ['int4', 4],
  ] as const)('quantises to %s in the layout that the engine multiplies by', async (dtype, bits) => {
    const to = join(folder, dtype)
    const report: ConvertReport = JSON.parse(await casaConvert(model, to, '--dtype', dtype, '--group', '64', '--json'))
    const [before, after] = [await openWeights(model), await openWeights(to)]
    const matrices = report.tensors.filter(({ to }) => to === `Q${bits}`)
    expect(matrices.length).toBeGreaterThan(10)
    for (const { name, shape } of matrices) {
      const weight = await before.read(name)
      const expected = quantize(weight, [shape[0]!, shape[1]!], { bits, group: 64 })
      expect(await (after as QuantizedSource).readQuantized(name)).toEqual(expected)
      expect(await after.read(name)).toEqual(dequantize(expected))
    }
    await Promise.all([before.close(), after.close()])
  })

  test('cuts, lists every tensor with its error, and merges', async () => {
    const cut = await casaConvert(model, join(folder, 'cut'), '--dtype', 'bf16', '--shard-size', '60kB')
    expect(cut).toMatch(/model\.norm\.weight +F32 -> BF16 +\[48\] +error 0\.\d{3} %, at most 0\.\d+/)
    expect(cut).toMatch(/cut: \d+ tensors, 1\d\d kB in 3 files\nlargest relative error 0\.\d+ %, of /)
    const merged = await casaConvert(join(folder, 'cut'), join(folder, 'merged'), '--quiet')
    expect(merged).toMatch(/^.*merged: \d+ tensors, 1\d\d kB in 1 file\nevery value is what it was$/)
    expect(readdirSync(join(folder, 'merged')).sort()).toEqual(['casa-folder.json', 'config.json', 'model.safetensors'])
    expect(JSON.parse(readFileSync(join(folder, 'merged/config.json'), 'utf8')).dtype).toBe('bfloat16')
  })

  test('refuses a folder that holds weights, and options that make no sense', async () => {
    await expect(casaConvert(model, join(folder, 'merged'))).rejects.toThrow(
      /merged: it is a folder .* and holds .*Choose a new or an empty folder/,
    )
    for (const option of [
      ['--group', '20'],
      ['--keep', '('],
      ['--shard-size', 'big'],
      ['--dtype', 'int3'],
    ]) {
      await expect(casaConvert(model, join(folder, 'none'), ...option)).rejects.toMatchObject({
        code: 'commander.invalidArgument',
      })
    }
  })
})

describe('casa convert and GGUF', () => {
  const gguf = fileURLToPath(new URL('../../../../packages/weights/fixtures/gguf/llama.gguf', import.meta.url))

  test('makes a model folder of a file, a file of the folder, and says what that costs', async () => {
    const [made, back] = [join(folder, 'from-gguf'), join(folder, 'back.gguf')]
    expect(await casaConvert(gguf, made)).toMatch(/from-gguf: 12 tensors/)
    expect(readdirSync(made).sort()).toEqual([
      'casa-folder.json',
      'chat_template.jinja',
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
    const printed = await casaConvert(made, back, '--dtype', 'q4_1', '--kl')
    expect(printed).toMatch(/back.gguf: 12 tensors, .* in 1 file/)
    expect(printed).toMatch(
      /predictions on 200 tokens of text: KL \d\S* nats a token, at most \S+; the same first choice for \d+\.\d %/,
    )
    await expect(casaConvert(made, back)).rejects.toThrow(/back.gguf: it is there already.*--force/)
    await expect(casaConvert(made, join(folder, 'x'), '--dtype', 'q4_1')).rejects.toThrow('--dtype: q4_1 is for .gguf files')
    await expect(casaConvert(made, join(folder, 'x.gguf'), '--group', '64')).rejects.toThrow('--group: is for model folders')
  })
})
