/**
 * The mechanism of trained CASA models: the share of their softmax on pictures, by layer and kind of token; and whether they still answer
 * when text is taken from their keys, positions kept.
 *
 *     pnpm --filter @casa-js/study-recipe mechanism --out docs/study/mechanism [--examples 20] NAME::FOLDER::MODULE::OPTIONS ..
 *
 * Writes OUT.json and OUT.md. NAME is for the table, FOLDER holds the model, MODULE makes the held-out dataset from OPTIONS (JSON), as run files name it.
 */
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { ArgumentError } from '@casa-js/base'
import type { Dataset, Message } from '@casa-js/core'
import { imageShares, summariseShares, type ImageShare, type ShareSummary } from '@casa-js/study'
import { close, init } from '@casa-js/tensor'
import { encodeChat } from '@casa-js/tokenizers'
import { answer, createVlm, loadVlm, type Vlm } from '@casa-js/vlm'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string' }, examples: { type: 'string', default: '20' } },
})
const count = Number(values.examples)
if (!values.out || !(count > 0) || positionals.length === 0)
  throw new ArgumentError('give --out FILE and NAME::FOLDER::MODULE::OPTIONS, see the header of this script')

await init({ device: 'wasm' })
const models = []
for (const given of positionals) models.push(await examine(given))
await close()
await writeFile(`${values.out}.json`, JSON.stringify({ examples: count, models }, null, 1) + '\n')
await writeFile(`${values.out}.md`, models.map(tableOf).join('\n'))

async function examine(given: string): Promise<Examined> {
  const [name, folder, module, ...options] = given.split('::')
  if (!name || !folder || !module) throw new ArgumentError(`${given}: expected NAME::FOLDER::MODULE::OPTIONS`)
  const make = ((await import(pathToFileURL(resolve(module)).href)) as { default: (options: object) => Dataset }).default
  const dataset = make(JSON.parse(options.join('::') || '{}') as object)
  const vlm = await loadVlm(folder, { weights: 'float32' })
  const blind = withoutTextKeys(vlm)
  const rows: ImageShare[] = []
  const right = { asked: 0, whole: 0, withoutText: 0 }
  for (let index = 0; index < count; index++) {
    const { messages } = await dataset.get(index)
    rows.push(...(await imageShares(vlm, encodeChat(messages, vlm))))
    // Captions are answers with pictures in them: there is no single one to ask for.
    if (messages.at(-1)!.content.some(({ type }) => type === 'image')) continue
    right.asked++
    if (await isRight(vlm, messages)) right.whole++
    if (await isRight(blind, messages)) right.withoutText++
  }
  blind.dispose()
  vlm.dispose()
  await dataset.close?.()
  const result = { name, right, shares: summariseShares(rows) }
  console.log(tableOf(result))
  return result
}

interface Examined {
  name: string
  right: { asked: number; whole: number; withoutText: number }
  shares: ShareSummary[]
}

/** Markdown: a row for each kind of token, a column for each layer. */
function tableOf({ name, right, shares }: Examined): string {
  const layers = [...new Set(shares.map(({ layer }) => layer))]
  const percent = (share: number) => `${Math.round(100 * share)} %`
  const lines = [...new Set(shares.map(({ kind }) => kind))].map((kind) => {
    const ofKind = shares.filter((row) => row.kind === kind)
    const cells = layers.map((layer) => percent(ofKind.find((row) => row.layer === layer)?.share ?? NaN))
    return `| ${[kind, ofKind[0]!.tokens, percent(ofKind[0]!.evenly), ...cells].join(' | ')} |`
  })
  const head = ['token', 'tokens', 'if all keys weighed the same', ...layers.map((layer) => `layer ${layer + 1}`)]
  const score =
    right.asked > 0 ? `: ${right.whole} of ${right.asked} right; ${right.withoutText} with the text keys taken away` : ''
  const rule = head.map((_, i) => (i === 0 ? '---' : '--:'))
  return [`**${name}**${score}`, '', ...[head, rule].map((cells) => `| ${cells.join(' | ')} |`), ...lines, ''].join('\n')
}

/** The same weights, with pictures alone among the keys of the new layers, at the positions where they were. */
function withoutTextKeys({ model, files }: Vlm): Vlm {
  const { fusion_config, ...config } = model.config.json as { fusion_config: object }
  return createVlm({ ...config, fusion_config: { ...fusion_config, keys: 'image', rotary: true } }, 1, files, {
    known: model.params,
  })
}

/** Whether the last answer is exactly what was expected, white space aside. */
async function isRight(vlm: Vlm, messages: readonly Message[]): Promise<boolean> {
  const expected = messages
    .at(-1)!
    .content.map((part) => (part.type === 'text' ? part.text : ''))
    .join('')
  const words = (text: string) => text.trim().split(/\s+/).join(' ')
  return words(await answer(vlm, messages.slice(0, -1), { maxNewTokens: 40 })) === words(expected)
}
