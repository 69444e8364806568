/**
 * VQA accuracy (Antol et al. 2015, arXiv 1505.00468) after EvalAI's normalisation of answers, keeping that code's quirks:
 * published numbers depend on them.
 */
import { contractions } from './contractions.ts'
import { defineMetric } from './metric.ts'
import { splitWords, strip } from './python.ts'

const NUMBERS = new Map(
  ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'].map((word, value) => [
    word,
    String(value),
  ]),
).set('none', '0')
const ARTICLES = new Set(['a', 'an', 'the'])
const SIGNS = [...';/[]"{}()=+\\_-><@`,?!']
/** The original passes the flag re.UNICODE where a count is expected: only that many dots are taken away. */
const MOST_DOTS = 32

/** An answer as EvalAI compares it: "The half-time" -> "half time". */
export function normaliseVqaAnswer(answer: string): string {
  const words = strip(answer.toLowerCase().replace(/[,?]/g, '').replaceAll("'s", " 's"))
  const text = strip(words.replace(/[\n\t]/g, ' '))
  return splitWords(dropPunctuation(text).toLowerCase())
    .map((word) => NUMBERS.get(word) ?? word)
    .filter((word) => !ARTICLES.has(word))
    .map((word) => contractions.get(word) ?? word)
    .join(' ')
}

/** A sign next to a space goes; elsewhere it becomes a space. A dot goes unless a digit follows. */
function dropPunctuation(text: string): string {
  let out = text
  for (const sign of SIGNS) out = out.replaceAll(sign, text.includes(sign + ' ') || text.includes(' ' + sign) ? '' : ' ')
  let dots = 0
  return out.replace(/\.(?!\p{Nd})/gu, (dot) => (dots++ < MOST_DOTS ? '' : dot))
}

/** The reference is the list of people's answers: each is left out once, and three that agree with the prediction make it right. */
export const vqaAccuracy = defineMetric<readonly string[]>({
  name: 'VQA accuracy',
  score(prediction, references) {
    const said = normaliseVqaAnswer(prediction)
    const agrees = references.map((reference) => normaliseVqaAnswer(reference) === said)
    const matches = agrees.filter(Boolean).length
    // In thirds, so that the mean is rounded once, as the original's exact mean is.
    const thirds = agrees.reduce((sum, agree) => sum + Math.min(3, matches - Number(agree)), 0)
    return references.length === 0 ? 0 : thirds / (3 * references.length)
  },
})
