/**
 * A contact sheet of the data, to look at:
 *
 *     pnpm --filter @casa-js/reader sheet [--out sheet.png] [--split train] [--task word] [--difficulty 0.7] [--count 40] [--seed 1]
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { contactSheet, type TaskName } from '@casa-js/data'
import createReaderDataset from '../dataset.ts'
import { loadFonts } from '../fonts.ts'
import type { Split } from '../split.ts'

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'sheet.png' },
    split: { type: 'string', default: 'train' },
    task: { type: 'string' },
    difficulty: { type: 'string', default: '0.7' },
    count: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
    columns: { type: 'string', default: '5' },
  },
})
const dataset = createReaderDataset({
  split: values.split as Split,
  difficulty: Number(values.difficulty),
  seed: Number(values.seed),
  ...(values.task && { tasks: { [values.task as TaskName]: 1 } }),
})
const examples = await Promise.all(Array.from({ length: Number(values.count) }, (_, index) => dataset.get(index)))
const captionFont = loadFonts('train').find(({ file }) => file.endsWith('Oxygen_400Regular.ttf'))!
writeFileSync(values.out, contactSheet(examples, { captionFont, columns: Number(values.columns) }))
console.log(`${values.out}: ${examples.length} examples`)
