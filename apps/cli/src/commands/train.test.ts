/** `casa train` as a process: a run of own pictures, Ctrl-C, resume, report, and what it says when something is wrong. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { encodePng } from '@casa-js/vision'
import { afterAll, beforeAll, expect, it } from 'vitest'

const bin = fileURLToPath(new URL('../bin.ts', import.meta.url))
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-command-'))
  await writeFile(join(folder, 'dot.png'), await encodePng({ widthPx: 16, heightPx: 16, data: new Uint8Array(768).fill(90) }))
  await writeFile(
    join(folder, 'rows.jsonl'),
    JSON.stringify({ image: 'dot.png', question: 'What?', answer: 'dot', task: 'dots' }),
  )
  await writeFile(join(folder, 'texts.ts'), `export default (): string[] => ['What? dot']`)
  await writeFile(join(folder, 'run.ts'), `export default ${JSON.stringify(run)} as const`)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const run = {
  model: {
    config: {
      model_type: 'casa_vlm',
      text_config: {
        model_type: 'llama',
        hidden_size: 16,
        intermediate_size: 32,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        rms_norm_eps: 1e-6,
        rope_theta: 10000,
        max_position_embeddings: 64,
        tie_word_embeddings: true,
      },
      vision_config: {
        model_type: 'casa_vit',
        patch_size: 8,
        hidden_size: 16,
        depth: 1,
        num_heads: 2,
        intermediate_size: 32,
        spatial_merge_size: 1,
        out_hidden_size: 16,
      },
      fusion_config: { kind: 'casa' },
    },
    tokenizer: { corpus: { module: './texts.ts' }, vocabSize: 270 },
  },
  data: { jsonl: 'rows.jsonl' },
  batch: { textTokens: 32, imageTokens: 32 },
  steps: 100_000,
  checkpoint: { every: 1000 },
  evaluate: { every: 100_000, data: [{ jsonl: 'rows.jsonl' }] },
  device: 'wasm',
}

/** @param interruptAt send SIGINT when this has been said. */
function casa(args: string[], interruptAt?: string): Promise<{ code: number | null; said: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--conditions=@casa-js/source', '--import', tsx, bin, ...args], { cwd: folder })
    let said = ''
    const hear = (chunk: Buffer) => {
      const before = said
      said += chunk
      if (interruptAt && said.includes(interruptAt) && !before.includes(interruptAt)) child.kill('SIGINT')
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.on('close', (code) => resolve({ code, said }))
  })
}

it('trains, stops on Ctrl-C with a checkpoint, resumes, and writes a report', { timeout: 180_000 }, async () => {
  const first = await casa(['train', 'run.ts'], 'step 1/100000')
  expect(first).toMatchObject({ code: 130, said: expect.stringContaining('device: wasm') })
  const steps = Number(/stopped after (\d+) steps; --resume goes on/.exec(first.said)?.[1])
  expect(steps).toBeGreaterThan(0)

  const second = await casa(['train', 'run.ts', '--resume', '--steps', String(steps + 3)])
  expect(second).toMatchObject({ code: 0, said: expect.stringContaining(`from step ${steps} to step ${steps + 3}`) })
  expect(second.said).toMatch(/changed since .*: steps, schedule\.warmup/)
  expect(second.said).toMatch(/held out after \d+ steps: loss .* {2}dots [01]\/1/)
  const report = await readFile(join(folder, 'runs', 'run', 'report.html'), 'utf8')
  expect(report).toContain('data:image/png;base64,')
  await readFile(join(folder, 'runs', 'run', 'model', 'model.safetensors'))
})

it('says what is wrong, and ends with 1', { timeout: 180_000 }, async () => {
  await writeFile(join(folder, 'bad.json'), JSON.stringify({ ...run, stepz: 3 }))
  const bad = await casa(['train', 'bad.json'])
  expect(bad).toMatchObject({ code: 1, said: expect.stringContaining('bad.json: stepz: there is no such field') })
  const workers = await casa(['train', 'run.ts', '--workers', '2', '--out', 'other'])
  expect(workers).toMatchObject({ code: 1, said: expect.stringContaining('2 workers cannot share 1 micro-batch') })
})
