/** Equality of answers, as strict as each benchmark requires. */
import { defineMetric } from './metric.ts'
import { codePoints, strip } from './python.ts'

/** Equality, ignoring surrounding white space. */
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

/**
 * Lower case without ASCII punctuation; white space stays, at the edges too. numpy's lower keeps a text's length in code points and
 * cuts off what "İ" becomes beyond it.
 */
function looseTextUntrimmed(text: string): string {
  const lower = [...text.toLowerCase()].slice(0, codePoints(text)).join('')
  return lower.replace(/[!-/:-@[-`{-~]/g, '')
}

/** lmms-eval's exact_match with ignore_case and ignore_punctuation: GQA. Unlike `looseMatch` it does not trim. */
export const looseMatchUntrimmed = defineMetric<string>({
  name: 'exact match, ignoring case and punctuation, untrimmed',
  score: (prediction, reference) => Number(looseTextUntrimmed(prediction) === looseTextUntrimmed(reference)),
})

/** GQA: equality ignoring case and punctuation. */
export const looseMatch = defineMetric<string>({
  name: 'exact match, ignoring case and punctuation',
  score: (prediction, reference) => Number(looseText(prediction) === looseText(reference)),
})
