/**
 * Writes samples/: pictures of the held-out sets with questions.jsonl, which names each picture's question and answer.
 *
 *     pnpm --filter @casa-js/reader samples
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Example } from '@casa-js/core'
import { pngOf } from '@casa-js/data'
import { readerTasks } from '../evaluation.ts'

/** Examples that are shown, by index in the sets of `seed`: picked by eye for being everyday words and things. */
const seed = 2026
const picked: Record<string, number[]> = {
  word: [4, 12, 14],
  line: [9, 11],
  emoji: [2, 7, 17],
  'second-image': [8, 12],
  chart: [2, 4],
}

const folder = fileURLToPath(new URL('../../samples/', import.meta.url))
mkdirSync(folder, { recursive: true })
const rows: string[] = []
for (const { task, dataset } of readerTasks({ count: 100, seed })) {
  for (const [order, index] of picked[task]!.entries()) rows.push(write(await dataset.get(index), `${task}-${order + 1}`))
}
writeFileSync(`${folder}questions.jsonl`, `${rows.join('\n')}\n`)

/** Pictures as PNG files; the row refers to them by name, in the format of `openJsonlDataset`. */
function write({ task, messages }: Example, name: string): string {
  const images: string[] = []
  const written = messages.map(({ role, content }) => ({
    role,
    content: content.map((part) => {
      if (part.type === 'text') return part
      const image = `${name}${task === 'second-image' ? 'ab'[images.length] : ''}.png`
      images.push(image)
      writeFileSync(folder + image, pngOf(part.image))
      return { type: 'image', image }
    }),
  }))
  return JSON.stringify({ id: name, task, messages: written })
}
