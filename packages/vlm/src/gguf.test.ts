/** Models in GGUF files: the same arithmetic as from safetensors, their tokenizers, and a real one where it was fetched. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { close, init, scope } from '@casa-js/tensor'
import { describeOnDevices, randomIds, take } from '@casa-js/testing'
import { parseTokenizer, type TokenizerConfig } from '@casa-js/tokenizers'
import { convertModelFolder, folderAt, memoryFolder, openModelFolder, pathFolder } from '@casa-js/weights'
import { describe, expect, it } from 'vitest'
import { ask } from './conversation.ts'
import { compareLogits, measureDivergence } from './divergence.ts'
import { loadModel, loadVlm } from './load.ts'
import type { VlmModel } from './model.ts'

const fixtures = fileURLToPath(new URL('../../weights/fixtures/gguf', import.meta.url))
const ids = randomIds(9, 267)

function logitsOf(model: VlmModel): Promise<Float32Array> {
  const layout = { tokens: 9, cu: Int32Array.of(0, 9), images: [] }
  return take(scope(() => model.backbone.logits(model.hidden({ ids, layout, patches: [] }))))
}

const largestDifference = (a: Float32Array, b: Float32Array) => a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0)

await describeOnDevices('a model in a GGUF file', () => {
  it('computes what the same weights in safetensors compute', async () => {
    const { config } = await openModelFolder(`${fixtures}/llama.gguf`)
    const golden = await pathFolder(fixtures).open('llama.golden.safetensors')
    const files = new Map([
      ['config.json', new TextEncoder().encode(JSON.stringify(config))],
      ['model.safetensors', await golden!.read(0, golden!.size)],
    ])
    await golden!.close()
    const [expected, exact, compressed] = [
      await loadModel(memoryFolder('golden', files)),
      await loadModel(`${fixtures}/llama.gguf`, { weights: 'float32' }),
      await loadModel(`${fixtures}/llama.gguf`),
    ]
    const logits = await logitsOf(expected)
    expect(await logitsOf(exact)).toEqual(logits)
    const most = logits.reduce((top, x) => Math.max(top, Math.abs(x)), 0)
    expect(largestDifference(await logitsOf(compressed), logits)).toBeLessThan(0.02 * most)
    for (const model of [expected, exact, compressed]) model.dispose()
  })
})

await describeOnDevices('what converting costs', () => {
  it('is close to 0 for the same weights, and grows with fewer bits', async () => {
    const original = `${fixtures}/llama.gguf`
    const text = 'hello world, hello world 12'
    const [int8, int4] = [memoryFolder('int8'), memoryFolder('int4')]
    const source = await folderAt(original)
    await convertModelFolder(source, int8, { dtype: 'Q8' })
    await convertModelFolder(source, int4, { dtype: 'Q4' })
    const options = { text, weights: 'float32' as const }
    const same = await measureDivergence(original, source, options)
    expect(same).toMatchObject({ kl: 0, largestKl: 0, sameFirst: 1 })
    const [eight, four] = [await measureDivergence(original, int8, options), await measureDivergence(original, int4, options)]
    expect(eight.tokens).toBe(same.tokens)
    expect(eight.kl).toBeGreaterThan(0)
    expect(four.kl).toBeGreaterThan(2 * eight.kl)
    expect(four.kl).toBeLessThan(0.05)
  })
})

describe('comparing logits', () => {
  it('gives the divergence of two coins', () => {
    const [p, q] = [0.5, 0.25]
    const logits = (x: number) => Float32Array.of(Math.log(x), Math.log(1 - x))
    const kl = p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q))
    expect(compareLogits(logits(p), logits(q), 1).kl).toBeCloseTo(kl, 6)
    expect(() => compareLogits(logits(p), new Float32Array(3), 1)).toThrow('the vocabularies differ')
  })
})

describe('tokenizers of GGUF files', () => {
  it('byte-level: merges, digits one by one, special tokens', async () => {
    const { tokenizerJson, tokenizerConfig } = await openModelFolder(`${fixtures}/llama.gguf`)
    const tokenizer = parseTokenizer(tokenizerJson, tokenizerConfig as TokenizerConfig)
    const words = ['hello', 'Ġworld', '1', '2', '<|end|>'].map((text) => tokenizer.idOf(text))
    expect([...tokenizer.encode('hello world12<|end|>')]).toEqual(words)
    const text = 'Grüße, 漢字 🙂\n\ttab'
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
  })

  it('SentencePiece: the ids that sentencepiece gives, and the text back', async () => {
    const folder = await folderAt(`${fixtures}/spm.gguf`)
    const json = async (file: string) => {
      const source = (await folder.open(file))!
      return JSON.parse(new TextDecoder().decode(await source.read(0, source.size))) as object
    }
    const tokenizer = parseTokenizer(await json('tokenizer.json'), (await json('tokenizer_config.json')) as TokenizerConfig)
    const samples = JSON.parse(await readFile(`${fixtures}/spm.json`, 'utf8')) as { text: string; ids: number[] }[]
    for (const { text, ids } of samples) {
      expect([...tokenizer.encode(text)], text).toEqual(ids)
      expect(tokenizer.decode(ids)).toBe(text)
    }
  })
})

const smollm2 = fileURLToPath(new URL('../../../.cache/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf', import.meta.url))
const reason = existsSync(smollm2) ? '' : ' (skipped: scripts/fetch-smollm2.sh fetches the model)'

describe.skipIf(reason !== '')(`SmolLM2-135M-Instruct from its GGUF${reason}`, () => {
  it('knows the capital of France', async () => {
    await init({ device: 'wasm' })
    try {
      const vlm = await loadVlm(smollm2)
      expect(await ask(vlm, [], 'What is the capital of France? Answer shortly.', { maxNewTokens: 12 })).toContain('Paris')
      vlm.dispose()
    } finally {
      await close()
    }
  }, 300_000)
})
