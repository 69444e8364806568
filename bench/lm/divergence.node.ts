/**
 * What rounding costs SmolLM2's predictions, as the mean KL divergence over a text, in nats: of 4-bit weights, and of activations in 8 bits
 * (`int8Activations`), ours and llama.cpp's. Prints a Markdown table.
 *
 *   node --import tsx --conditions=@casa-js/source bench/lm/divergence.node.ts model.gguf FORMATS PEERS
 *
 * On Node 20 with --experimental-wasm-relaxed-simd. FORMATS and PEERS: the folders that `pnpm bench lm` makes beside the model. llama.cpp is held
 * against our own logits of the same file with activations in float32.
 */
import { close, init, scope } from '@casa-js/tensor'
import { compareLogits, loadModel, type Divergence } from '@casa-js/vlm'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadLlama } from './node-llama.ts'

/** Prose, numbers, code and speech. */
const text = readFileSync(new URL('text.txt', import.meta.url), 'utf8')
const [gguf, formats, peers] = process.argv.slice(2) as [string, string, string]

/** Logits [T,V] of the whole text. */
async function logitsOf(path: string, int8Activations: boolean, ids: Int32Array): Promise<Float32Array> {
  const { features } = await init({ device: 'wasm', threads: 1, int8Activations, exact: !int8Activations })
  if (!features.includes('relaxed-simd'))
    throw new Error('this build has no relaxed SIMD: on Node 20 add --experimental-wasm-relaxed-simd')
  const model = await loadModel(path, { weights: 'compressed' })
  const layout = { tokens: ids.length, cu: Int32Array.of(0, ids.length), images: [] }
  const logits = scope(() => model.backbone.logits(model.hidden({ ids, layout, patches: [] })))
  const values = (await logits.data()) as Float32Array
  logits.dispose()
  model.dispose()
  return values
}

const llama = await loadLlama(peers, gguf, { threads: 1, contextSize: 512 })
const ids = Int32Array.from(llama.tokenize(text)).subarray(0, 256)
const ofLlama = await llama.logits(ids)
await llama.dispose()

const files = { int4: join(formats, 'int4'), bf16: join(formats, 'bf16'), Q4_1: gguf }
const rows: [string, string, Divergence][] = []
const compare = (what: string, to: string, expected: Float32Array, found: Float32Array) =>
  rows.push([what, to, compareLogits(expected, found, ids.length)])
{
  const bf16 = await logitsOf(files.bf16, false, ids)
  const int4 = await logitsOf(files.int4, false, ids)
  compare('weights in int4', 'weights in bf16', bf16, int4)
  compare('int4, activations in 8 bits', 'int4, activations in float32', int4, await logitsOf(files.int4, true, ids))
}
const exact = await logitsOf(files.Q4_1, false, ids)
compare('Q4_1, activations in 8 bits', 'Q4_1, activations in float32', exact, await logitsOf(files.Q4_1, true, ids))
compare('Q4_1, llama.cpp', 'Q4_1, activations in float32', exact, ofLlama)
await close()

console.log(`| predictions of ${ids.length} tokens | beside | mean KL | largest KL | same first token |`)
console.log('| --- | --- | ---: | ---: | ---: |')
for (const [what, to, { kl, largestKl, sameFirst }] of rows)
  console.log(`| ${what} | ${to} | ${kl.toExponential(2)} | ${largestKl.toExponential(2)} | ${(100 * sameFirst).toFixed(1)} % |`)
process.exit(0)
