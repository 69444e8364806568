/**
 * Text ability beside the language model alone, and speed: bits per character of a text without pictures, prefill and decoding.
 *
 *     pnpm --filter @casa-js/smollm2 measure runs/smollm2-every-3/model [--base file.gguf] [--weights float32]
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ArgumentError } from '@casa-js/base'
import { close, dispose, init, scope } from '@casa-js/tensor'
import { createSession, loadVlm, type Vlm } from '@casa-js/vlm'
import { base } from '../../variants.ts'

const text =
  'The harbour wakes before the town does. By five the first boats are out past the breakwater, and the gulls follow them in a loose ' +
  'white line. On the quay an old woman counts crates of mackerel: forty-two today, three fewer than yesterday. Her grandson asks why ' +
  'the sea is salt, and she tells him that rivers carry a little of every mountain with them and never take it back.'

const { positionals, values } = parseArgs({ allowPositionals: true, options: { base: { type: 'string' } } })
const folder = positionals[0]
if (!folder) throw new ArgumentError('name the folder of an adapter')
const language = values.base ?? fileURLToPath(new URL(`../../../../${base.file}`, import.meta.url))

await init({ device: 'wasm' })
const alone = await loadVlm(language)
const before = await bitsPerCharacter(alone)
alone.dispose()
const vlm = await loadVlm(folder, { base: language })
const after = await bitsPerCharacter(vlm)
const speed = await decodingSpeed(vlm)
vlm.dispose()
await close()
console.log(`bits per character: ${before.toFixed(6)} alone, ${after.toFixed(6)} with the adapter, no picture`)
console.log(
  `${before === after ? 'the same' : 'NOT the same'}; ${speed.toFixed(1)} tokens/s; ${Math.round(process.resourceUsage().maxRSS / 1024)} MB at most`,
)
if (before !== after) process.exitCode = 1

/** Of the text above, the first token given. */
async function bitsPerCharacter({ model, tokenizer }: Vlm): Promise<number> {
  const ids = Int32Array.from(tokenizer.encode(text))
  const batch = {
    ids,
    layout: { tokens: ids.length, cu: Int32Array.of(0, ids.length), images: [] },
    patches: [],
    targets: Int32Array.from(ids, (_, t) => ids[t + 1] ?? 0),
    weights: Float32Array.from(ids, (_, t) => (t + 1 < ids.length ? 1 : 0)),
  }
  const loss = scope(() => model.loss(batch))
  const [nats] = await loss.data()
  dispose(loss)
  return (nats! * (ids.length - 1)) / Math.LN2 / text.length
}

/** One token after another behind a short prompt, in tokens per second of processor time. */
async function decodingSpeed({ model, tokenizer }: Vlm, tokens = 16): Promise<number> {
  const session = createSession(model, { capacityTokens: 128 })
  const ids = tokenizer.encode(text).slice(0, 8 + tokens)
  await session.append({ ids: Int32Array.from(ids.slice(0, 8)), images: [] })
  const start = process.cpuUsage()
  for (const id of ids.slice(8)) await session.append({ ids: Int32Array.of(id), images: [] })
  const { user, system } = process.cpuUsage(start)
  session.dispose()
  return (tokens * 1e6) / (user + system)
}
