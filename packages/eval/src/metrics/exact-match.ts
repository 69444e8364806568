/** Equality of answers, as strict as the benchmark wants it. */
import { defineMetric } from './metric.ts'
import { strip } from './python.ts'

/** Equal but for white space around. */
export const exactMatch = defineMetric<string>({
  name: 'exact match',
  score: (prediction, reference) => Number(strip(prediction) === strip(reference)),
})

/** RealWorldQA: equality ignoring case. */
export const caselessMatch = defineMetric<string>({
  name: 'exact match, ignoring case',
  score: (prediction, reference) => Number(strip(prediction.toLowerCase()) === strip(reference.toLowerCase())),
})

/** Lower case, without ASCII punctuation and white space around: what GQA and multiple choice compare. */
export function looseText(text: string): string {
  return strip(text)
    .toLowerCase()
    .replace(/[!-/:-@[-`{-~]/g, '')
}

/** GQA: equality ignoring case and punctuation. */
export const looseMatch = defineMetric<string>({
  name: 'exact match, ignoring case and punctuation',
  score: (prediction, reference) => Number(looseText(prediction) === looseText(reference)),
})
