/**
 * RealWorldQA as lmms-eval 0.7.3 scores it: where a letter is right, a letter is taken out of the answer (its mcq_extract.py);
 * anything else must be equal, ignoring case and full stops at the end.
 */
import { defineMetric } from './metric.ts'
import { strip } from './python.ts'

const CHOICES = ['A', 'B', 'C', 'D']
const PHRASES = [
  'the answer is',
  'answer is',
  'the correct answer is',
  'correct answer is',
  'the best answer is',
  'best answer is',
  'the correct option is',
  'correct option is',
  'the best option is',
  'best option is',
  'the choice is',
  'choice is',
  'the correct choice is',
  'correct choice is',
  'i choose',
  'i select',
  'i pick',
  'my answer is',
  'my choice is',
  '옵션',
  '정답은',
  '답은',
  '답:',
  '答案是',
  '答案为',
  '选',
  '答えは',
]

export const realWorldQa = defineMetric<string>({
  name: 'RealWorldQA',
  score(prediction, reference) {
    const right = strip(reference)
    if (CHOICES.includes(right.toUpperCase())) return Number(extractChoice(prediction) === right.toUpperCase())
    return Number(strip(prediction.toLowerCase()).replace(/\.+$/, '') === right.toLowerCase())
  },
})

interface Candidate {
  letter: string
  /** Code points before it. */
  at: number
  priority: number
}

/** The letter that an answer most likely means, or "". Higher priority wins, then the later place, then the later letter of equal ones. */
export function extractChoice(answer: string): string {
  if (strip(answer) === '') return ''
  let text = strip(answer)
  for (const sign of [',', '.', '!', '?', ';', ':', "'", '"']) text = stripSign(text, sign)
  const padded = ` ${text} `
  const found: Candidate[] = []
  const add = (of: (letter: string) => number, priority: number): void => {
    for (const letter of CHOICES) {
      const at = of(letter)
      if (at >= 0) found.push({ letter, at: codePointsBefore(padded, at), priority })
    }
  }
  add((letter) => padded.lastIndexOf(`(${letter})`), 6)
  add((letter) => padded.lastIndexOf(`${letter}.`), 5)
  add((letter) => padded.lastIndexOf(`${letter}:`), 4)
  add((letter) => padded.lastIndexOf(`${letter})`), 3)
  add((letter) => padded.lastIndexOf(`${letter} `), 2)
  const lower = padded.toLowerCase()
  for (const phrase of PHRASES) {
    const at = lower.indexOf(phrase)
    if (at >= 0) add((letter) => padded.indexOf(letter, at + phrase.length), 7)
  }
  const stripped = [...strip(padded)]
  const isLetter = (sign: string | undefined): boolean => sign !== undefined && /\p{L}/u.test(sign)
  for (const letter of CHOICES) {
    if (stripped[0] === letter && !isLetter(stripped[1])) found.push({ letter, at: 0, priority: 10 })
    if (stripped.at(-1) === letter && !isLetter(stripped.at(-2))) found.push({ letter, at: [...padded].length - 1, priority: 9 })
  }
  if (found.length === 0) add((letter) => padded.lastIndexOf(letter), 0)
  const best = found.reduce<Candidate | undefined>(
    (first, one) =>
      !first || one.priority > first.priority || (one.priority === first.priority && one.at > first.at) ? one : first,
    undefined,
  )
  return best?.letter ?? ''
}

/** text.strip(sign) */
function stripSign(text: string, sign: string): string {
  let [start, end] = [0, text.length]
  while (start < end && text[start] === sign) start++
  while (end > start && text[end - 1] === sign) end--
  return text.slice(start, end)
}

function codePointsBefore(text: string, at: number): number {
  return [...text.slice(0, at)].length
}
