/**
 * transformers.js on onnxruntime-node's own library, on a model that export-onnx.py made. It is installed into a folder of its own. Prints one
 * line of JSON, an LmResult.
 *
 *   transformers-js.node.ts FOLDER ONNX_FOLDER fp32|q4 THREADS PREFILL DECODE
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { least, per, promptIds, rounds, shortPrompt, sinceStart, timed, type LmResult } from './lm.ts'

/** What is used of @huggingface/transformers 4. */
interface TensorOf {
  data: BigInt64Array | Float32Array
  dims: number[]
}
interface Outputs {
  logits: TensorOf
  [present: string]: TensorOf
}
interface TransformersPackage {
  env: { version: string; allowRemoteModels: boolean; localModelPath: string }
  Tensor: new (type: 'int64', data: BigInt64Array, dims: number[]) => TensorOf
  AutoModelForCausalLM: {
    from_pretrained(name: string, options: object): Promise<(inputs: object) => Promise<Outputs>>
  }
}

const [folder, onnx, dtype, threads, prefill, decode] = process.argv.slice(2) as [string, string, string, string, string, string]
const [prefillTokens, decodeTokens] = [Number(prefill), Number(decode)]
const entry = join(folder, 'node_modules/@huggingface/transformers/dist/transformers.node.mjs')
const { env, Tensor, AutoModelForCausalLM } = (await import(pathToFileURL(entry).href)) as TransformersPackage
env.allowRemoteModels = false
env.localModelPath = join(onnx, '..') + '/'
const model = await AutoModelForCausalLM.from_pretrained(onnx.split('/').at(-1)!, {
  dtype,
  device: 'cpu',
  local_files_only: true,
  session_options: { intraOpNumThreads: Number(threads), interOpNumThreads: 1 },
})

const integers = (values: readonly number[]) => new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length])

/** The keys and values that a pass gives, under the names by which the next one takes them. */
const pastOf = (outputs: Outputs): object =>
  Object.fromEntries(
    Object.entries(outputs).flatMap(([name, value]) =>
      name.startsWith('present') ? [[name.replace('present', 'past_key_values'), value] as const] : [],
    ),
  )

/** One pass over tokens that follow `seen` others; the likeliest next token, and the cache. */
async function step(ids: readonly number[], seen: number, past: object | null) {
  const outputs = await model({
    input_ids: integers(ids),
    attention_mask: integers(Array.from({ length: seen + ids.length }, () => 1)),
    position_ids: integers(ids.map((_, i) => seen + i)),
    past_key_values: past,
  })
  const vocabulary = outputs.logits.dims.at(-1)!
  const last = (outputs.logits.data as Float32Array).subarray(-vocabulary)
  return { token: last.reduce((best, x, i) => (x > last[best]! ? i : best), 0), past: pastOf(outputs) }
}

await step([...promptIds(shortPrompt)], 0, null)
const firstToken = sinceStart()

async function round() {
  const [first, prefill] = await timed(() => step([...promptIds(prefillTokens)], 0, null))
  let { token, past } = first
  const tokens = [token]
  const [, all] = await timed(async () => {
    for (let i = 0; i < decodeTokens; i++) {
      ;({ token, past } = await step([token], prefillTokens + i, past))
      tokens.push(token)
    }
  })
  return { prefill, decode: per(all, decodeTokens), tokens }
}

const results = []
for (let i = 0; i < rounds; i++) results.push(await round())
const result: LmResult = {
  setting: `transformers.js ${env.version}, onnxruntime-node`,
  rounds,
  firstToken,
  prefill: least(results.map(({ prefill }) => prefill)),
  decode: least(results.map(({ decode }) => decode)),
  tokens: results[0]!.tokens.slice(0, 8),
  peakBytes: process.resourceUsage().maxRSS * 1024,
}
console.log(JSON.stringify(result))
process.exit(0)
