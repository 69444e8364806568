/**
 * ANLS* (Peer et al. 2024, arXiv 2402.03848): ANLS for answers with structure. Texts are compared as in ANLS, lists by their best
 * matching in any order, objects key by key; missing and invented parts both lower the score.
 *
 * Equal to the anls_star package, 1.0.1, but for two things. Python writes a whole float as "5.0", JavaScript as "5": give numbers
 * as texts where that matters. And where several matchings of two lists are equally good, the package's score depends on the
 * release of its matcher (munkres 1.1.4 and 3.0.0 differ); munkres-js chose differently from 1.1.4 in 7 of 5,986 random trees.
 * Lists of plain texts, as in document benchmarks, are not affected: any best matching gives them the same score.
 */
import munkres from 'munkres-js'
import { CasaError } from '@casa-js/base'
import { levenshtein } from './levenshtein.ts'
import { defineMetric } from './metric.ts'
import { codePoints, splitWords } from './python.ts'

/** A right answer where several are right. Only in references. */
export class OneOf {
  readonly options: readonly AnlsValue[]
  constructor(options: readonly AnlsValue[]) {
    if (options.length === 0) throw new CasaError('ANLS*: oneOf: expected at least one right answer')
    this.options = options
  }
}

/** null: there is no answer, and the right one is to say nothing (null, "", [] or {}). */
export type AnlsValue = string | number | boolean | null | readonly AnlsValue[] | { readonly [key: string]: AnlsValue } | OneOf

/** Any of these is right. */
export function oneOf(...options: AnlsValue[]): OneOf {
  return new OneOf(options)
}

/** A list of texts against a text means any of them. */
export function anlsStarScore(reference: AnlsValue, prediction: AnlsValue): { score: number; closest: AnlsValue } {
  const isChoice = typeof prediction === 'string' && isList(reference) && reference.every((each) => typeof each === 'string')
  const { scores, length, closest } = compare(isChoice ? new OneOf(reference) : reference, prediction)
  return { score: average(scores, length), closest }
}

/** For question answering: the prediction is a text, the reference a list of right answers (or any structure). */
export const anlsStar = defineMetric<AnlsValue>({
  name: 'ANLS*',
  score: (prediction, reference) => anlsStarScore(reference, prediction).score,
})

interface Comparison {
  /** Similarities of the leaves that were compared. */
  scores: number[]
  /** Number of leaves to compare: the denominator of the mean. */
  length: number
  /** The right answer that is closest to the prediction. */
  closest: AnlsValue
}

const isList = (value: AnlsValue): value is readonly AnlsValue[] => Array.isArray(value)
const isObject = (value: AnlsValue): value is { readonly [key: string]: AnlsValue } =>
  typeof value === 'object' && value !== null && !isList(value) && !(value instanceof OneOf)

function compare(reference: AnlsValue, prediction: AnlsValue): Comparison {
  if (reference instanceof OneOf) return compareChoice(reference, prediction)
  if (isList(reference) && isList(prediction)) return compareLists(reference, prediction)
  if (isObject(reference) && isObject(prediction)) return compareObjects(reference, prediction)
  const length = Math.max(leaves(reference), leaves(prediction))
  if (reference === null) {
    const silent = saysNothing(prediction)
    return { scores: [silent ? 1 : 0], length, closest: silent ? prediction : null }
  }
  const scores = [isLeaf(reference) && isLeaf(prediction) ? similarity(String(reference), String(prediction)) : 0]
  return { scores, length, closest: reference }
}

/** The best option; of equals the one that equals the prediction, then the first. */
function compareChoice({ options }: OneOf, prediction: AnlsValue): Comparison {
  let best: Comparison | undefined
  for (const option of options) {
    const each = compare(option, prediction)
    if (best === undefined || rank(each, prediction) > rank(best, prediction)) best = each
  }
  return best!
}

function rank({ scores, length, closest }: Comparison, prediction: AnlsValue): number {
  const value = average(scores, length)
  return equal(closest, prediction) ? nextAbove(value) : value
}

/** The matching of items with the largest sum of averages; exact matches win ties by the smallest possible step. */
function compareLists(reference: readonly AnlsValue[], prediction: readonly AnlsValue[]): Comparison {
  const table = reference.map((wanted) => prediction.map((said) => compare(wanted, said)))
  const empty = reference.length === 0 || prediction.length === 0
  const profits = table.map((row) => row.map((each, column) => rank(each, prediction[column]!)))
  const pairs = empty ? [] : munkres(munkres.make_cost_matrix(profits))

  const rows = new Set(pairs.map(([row]) => row))
  const columns = new Set(pairs.map(([, column]) => column))
  const missing = reference.filter((_, row) => !rows.has(row))
  const invented = prediction.filter((_, column) => !columns.has(column))
  const matched = pairs.map(([row, column]) => table[row]![column])
  const inOrder = [...pairs].sort((a, b) => a[1] - b[1]).map(([row, column]) => table[row]![column]!.closest)
  return {
    scores: matched.flatMap((each) => each!.scores),
    length: [...matched.map((each) => each!.length), ...missing.map(leaves), ...invented.map(leaves)].reduce(
      (sum, each) => sum + each,
      0,
    ),
    closest: [...inOrder, ...missing],
  }
}

function compareObjects(
  reference: { readonly [key: string]: AnlsValue },
  prediction: { readonly [key: string]: AnlsValue },
): Comparison {
  const scores: number[] = []
  const closest: Record<string, AnlsValue> = {}
  let length = 0
  for (const key of new Set([...Object.keys(reference), ...Object.keys(prediction)])) {
    const wanted = reference[key] ?? null
    const said = prediction[key] ?? null
    const each = compare(wanted, said)
    length += each.length
    // An invented key with an empty value scores 0, but counts in the denominator.
    if (!(key in reference) && saysNothing(said)) continue
    scores.push(...each.scores)
    if (key in prediction || !saysNothing(each.closest)) closest[key] = each.closest
  }
  return { scores, length, closest }
}

function isLeaf(value: AnlsValue): value is string | number | boolean {
  return typeof value !== 'object'
}

function leaves(value: AnlsValue): number {
  if (isLeaf(value) || value === null) return 1
  if (value instanceof OneOf) return Math.max(...value.options.map(leaves))
  return Object.values(value).reduce((sum: number, each) => sum + leaves(each), 0)
}

function saysNothing(value: AnlsValue): boolean {
  return (
    value === null || value === '' || (typeof value === 'object' && !(value instanceof OneOf) && Object.keys(value).length === 0)
  )
}

function similarity(reference: string, prediction: string): number {
  const [a, b] = [reference, prediction].map((text) => splitWords(text.toLowerCase()).join(' ')) as [string, string]
  const length = Math.max(codePoints(a), codePoints(b))
  const value = 1 - (length === 0 ? 0 : levenshtein(a, b) / length)
  return value < 0.5 ? 0 : value
}

function average(scores: number[], length: number): number {
  return length > 0 ? scores.reduce((sum, each) => sum + each, 0) / length : 1
}

function equal(a: AnlsValue, b: AnlsValue): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || isList(a) !== isList(b)) return false
  const keys = Object.keys(a)
  const [left, right] = [a, b] as Record<string, AnlsValue>[] as [Record<string, AnlsValue>, Record<string, AnlsValue>]
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && equal(left[key]!, right[key]!))
}

/** The next larger float64 of a number that is not negative. */
function nextAbove(value: number): number {
  const bits = new BigInt64Array(new Float64Array([value]).buffer)
  bits[0]!++
  return new Float64Array(bits.buffer)[0]!
}
