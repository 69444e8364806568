/**
 * Fifty plain questions, answered by the language model alone, and with an adapter: without a picture, and with one in front of each
 * question that has nothing to do with it.
 *
 *     pnpm --filter @casa-js/smollm2 plain [runs/smollm2-every-3/model] [--base file.gguf] [--out answers.json]
 *
 * Without an adapter only the language model is asked.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { RgbImage } from '@casa-js/core'
import { createReadingDataset } from '@casa-js/data'
import { loadMaterial } from '@casa-js/reader'
import { close, init } from '@casa-js/tensor'
import { ask, loadVlm, type Vlm } from '@casa-js/vlm'
import { base } from '../../variants.ts'
import { isRight, plainQuestions } from '../plain-questions.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { base: { type: 'string' }, out: { type: 'string' } },
})
const language = values.base ?? fileURLToPath(new URL(`../../../../${base.file}`, import.meta.url))
const folder = positionals[0]

await init({ device: 'wasm' })
const answers: Record<string, { question: string; answer: string; right: boolean }[]> = {}
const vlm = await loadVlm(folder ?? language, folder ? { base: language } : {})
if (folder) {
  answers['with the adapter, no picture'] = await askAll(vlm)
  answers['with the adapter, beside a picture'] = await askAll(vlm, await pictures(plainQuestions.length))
} else answers.alone = await askAll(vlm)
vlm.dispose()
await close()
for (const [name, all] of Object.entries(answers))
  console.log(`${name}: ${all.filter(({ right }) => right).length} of ${all.length} right`)
if (values.out) writeFileSync(values.out, JSON.stringify(answers, null, 1) + '\n')

async function askAll(vlm: Vlm, images: RgbImage[] = []) {
  const all = []
  for (const [index, one] of plainQuestions.entries()) {
    const image = images[index]
    const answer = await ask(vlm, image ? [image] : [], one.question, { maxNewTokens: 24 })
    all.push({ question: one.question, answer, right: isRight(one, answer) })
  }
  return all
}

/** Emoji in the style that is held out. */
async function pictures(count: number): Promise<RgbImage[]> {
  const dataset = createReadingDataset(loadMaterial('heldOut'), { name: 'plain', seed: 3, difficulty: 0.2, tasks: { emoji: 1 } })
  const examples = await Promise.all(Array.from({ length: count }, (_, i) => dataset.get(i)))
  return examples.flatMap(({ messages }) => messages[0]!.content.flatMap((part) => (part.type === 'image' ? [part.image] : [])))
}
