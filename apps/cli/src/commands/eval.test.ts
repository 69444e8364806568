import { close, init } from '@casa-js/tensor'
import { readerTokens, trainBpe } from '@casa-js/tokenizers'
import { encodePng } from '@casa-js/vision'
import { createVlm, saveVlm } from '@casa-js/vlm'
import { Command } from 'commander'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { register } from './eval.ts'

const config = {
  model_type: 'casa_vlm',
  text_config: {
    model_type: 'llama',
    vocab_size: 262,
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    tie_word_embeddings: true,
    max_position_embeddings: 256,
  },
  vision_config: {
    model_type: 'casa_vit',
    patch_size: 4,
    stem_channels: [4],
    absolute_positions: true,
    hidden_size: 8,
    depth: 1,
    num_heads: 1,
    intermediate_size: 16,
    spatial_merge_size: 2,
    out_hidden_size: 16,
    max_pixels: 4096,
  },
  fusion_config: { kind: 'casa', keys: 'image+text', place: 'parallel', norm_images: true },
}

/** An untrained model, and three questions, one about a torn picture. */
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'casa-eval-'))
  await init({ device: 'cpu' })
  const tokenizerJson = trainBpe([], { vocabSize: 262, specialTokens: readerTokens })
  const vlm = createVlm(config, 1, { tokenizerJson, processorConfig: { chat: { name: 'casa-reader' } } })
  await saveVlm(vlm, join(folder, 'tiny'))
  vlm.dispose()
  await close()
  writeFileSync(join(folder, 'good.png'), await encodePng({ widthPx: 16, heightPx: 16, data: new Uint8Array(768).fill(200) }))
  writeFileSync(join(folder, 'torn.png'), 'no picture')
  const rows = ['good.png', 'torn.png', 'good.png'].map((image) =>
    JSON.stringify({ image, question: 'What does it say?', answer: 'river' }),
  )
  writeFileSync(join(folder, 'questions.jsonl'), rows.join('\n'))
})
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

/** Run `casa eval` on cpu; what it printed to stdout. */
async function casaEval(...args: string[]): Promise<string> {
  const printed: string[] = []
  vi.spyOn(console, 'log').mockImplementation((line) => void printed.push(String(line)))
  vi.spyOn(console, 'error').mockImplementation(() => {})
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const program = new Command().exitOverride()
  register(program)
  await program.parseAsync(['eval', join(folder, 'tiny'), '--device', 'cpu', '--max-tokens', '3', ...args], { from: 'user' })
  return printed.join('\n')
}

test('own questions, a baseline, results that are taken up again, and a report', async () => {
  const [results, report] = [join(folder, 'results.jsonl'), join(folder, 'report.html')]
  const args = ['--data', join(folder, 'questions.jsonl'), '--baseline', 'no-image', '--results', results, '--report', report]
  const first = JSON.parse(await casaEval(...args, '--json'))
  expect(first.rows).toMatchObject([{ task: 'questions', examples: 2, score: 0, noImage: 0 }])
  expect(first.model).toMatch(/^tiny@[0-9a-f]{12}$/)
  expect(first.skipped).toMatchObject([{ index: 1, reason: expect.stringContaining('questions.jsonl, line 2') }])
  const lines = readFileSync(results, 'utf8').trimEnd().split('\n')
  expect(lines).toHaveLength(4)
  const page = readFileSync(report, 'utf8')
  expect(page.match(/data:image\/png;base64,/g)).toHaveLength(2)
  expect(page).toContain('What does it say?')

  expect(await casaEval(...args)).toMatch(/\| questions \| exact match \| +2 \| +0\.0 % \|/)
  expect(readFileSync(results, 'utf8').trimEnd().split('\n')).toEqual(lines)
})

test('what cannot be asked is named', async () => {
  await expect(casaEval('--data', join(folder, 'questions.jsonl'), '--task', 'words')).rejects.toThrow(
    /--task words: .* there are questions/,
  )
  await expect(casaEval('--limit', '0')).rejects.toThrow(/--limit <n>.*Expected a whole number, 1 or more/)
  await expect(casaEval('--baseline', 'blind')).rejects.toThrow(/Allowed choices are no-image/)
})
