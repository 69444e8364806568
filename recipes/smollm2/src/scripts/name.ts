/**
 * How many of the things that training begins with are named right in fonts and a drawing style that it never shows: the likeliest token
 * behind each picture of held-out lists, by what is drawn. One pass of a list asks for a hundred pictures.
 *
 *     pnpm --filter @casa-js/smollm2 name runs/smollm2-first-every-3/model [--lists 5] [--blind]
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ArgumentError } from '@casa-js/base'
import { packSamples } from '@casa-js/data'
import { argmax, close, dispose, gatherRows, init, scope } from '@casa-js/tensor'
import { encodeChat } from '@casa-js/tokenizers'
import { loadVlm } from '@casa-js/vlm'
import { base } from '../../variants.ts'
import createAlbum from '../album.ts'
import { firstEmoji } from '../first-things.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { lists: { type: 'string', default: '5' }, blind: { type: 'boolean' }, base: { type: 'string' } },
})
const folder = positionals[0]
if (!folder) throw new ArgumentError('name the folder of an adapter')

await init({ device: 'wasm' })
const vlm = await loadVlm(folder, { base: values.base ?? fileURLToPath(new URL(`../../../../${base.file}`, import.meta.url)) })
const { model, tokenizer, template } = vlm
const emoji = new Set(firstEmoji)
const right = new Map<string, number>()
const asked = new Map<string, number>()
for (let list = 0; list < Number(values.lists); list++) {
  // One kind per list, so that a word and an emoji of one name are told apart.
  for (const task of ['glyph', 'word', 'emoji'] as const) {
    const album = createAlbum({
      ...{ split: 'heldOut', seed: 9, first: true, stops: false, lists: 1, pictures: { list: 40, turns: 1 } },
      ...{ letters: [3, 6], lowerCase: true, sizePx: [20, 32], difficulty: 0, tasks: { [task]: 1 } },
    })
    const { messages } = await album.get(list)
    const sample = encodeChat(messages, { tokenizer, template })
    const batch = packSamples([values.blind ? { ...sample, images: [] } : sample], model)
    // Behind the last name the end of the turn is predicted; only names are counted.
    const counted = Int32Array.from(batch.weights.keys()).filter((t) => batch.weights[t] !== 0 && t < batch.ids.length - 3)
    const best = scope(() => argmax(model.backbone.logits(gatherRows(model.hidden(batch), counted))))
    const said = await best.data()
    dispose(best)
    for (const [i, t] of counted.entries()) {
      const wanted = batch.targets[t]!
      if (task === 'emoji' && !emoji.has(tokenizer.decode([wanted]))) continue
      asked.set(task, (asked.get(task) ?? 0) + 1)
      if (said[i] === wanted) right.set(task, (right.get(task) ?? 0) + 1)
    }
  }
}
vlm.dispose()
await close()
for (const [task, count] of asked) console.log(`${task}: ${right.get(task) ?? 0} of ${count}`)
