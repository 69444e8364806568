/**
 * How far one model's predictions are from another's: the loss of quality through conversion or quantisation.
 * Errors of single tensors do not show it: the same error matters much in one matrix and not at all in another.
 */
import { ArgumentError, CasaError } from '@casa-js/base'
import { scope } from '@casa-js/tensor'
import { parseTokenizer, type TokenizerConfig } from '@casa-js/tokenizers'
import { openModelFolder, type FolderSource } from '@casa-js/weights'
import { loadModel, type LoadVlmOptions } from './load.ts'

export interface Divergence {
  /** Tokens of text whose next token was predicted. */
  tokens: number
  /** Mean over the tokens of KL(original || other), in nats. 0: the same predictions. */
  kl: number
  /** The largest of a single token. */
  largestKl: number
  /** Share of tokens for which both put the same token first, 0 to 1. */
  sameFirst: number
}

export interface DivergenceOptions extends Pick<LoadVlmOptions, 'families' | 'weights' | 'signal'> {
  /** Ordinary text in the model's languages. Default: a paragraph of English. */
  text?: string | undefined
  /** The most tokens of it that are used; logits of all of them are in memory at once. Default 200. */
  tokens?: number | undefined
}

const paragraph =
  'The harbour wakes before the town does. By five the first boats are out past the breakwater, and the gulls follow them in a loose ' +
  'white line. On the quay an old woman counts crates of mackerel: forty-two today, three fewer than yesterday. Her grandson asks why ' +
  'the sea is salt, and she tells him that rivers carry a little of every mountain with them and never take it back. At noon the ' +
  'ferry from the mainland brings letters, two bicycles and a doctor who has not been here since 1998. In the evening the lamps are ' +
  'lit one by one, the nets are hung up to dry, and somebody plays an accordion, slowly, as if each note had to be remembered first.'

/**
 * Runs two models over the same text, one after the other, and compares what they predict after each of its tokens. A device must have
 * been started. Holds one model and one set of logits, [tokens, V] floats, at a time, and a second set at the end.
 * @param original a path, an address or a FolderSource of a model folder with a tokenizer
 * @param other the same model converted
 * @throws ArgumentError when the two have different vocabularies.
 */
export async function measureDivergence(
  original: string | FolderSource,
  other: string | FolderSource,
  options: DivergenceOptions = {},
): Promise<Divergence> {
  const ids = await tokensOf(original, options)
  const expected = await logitsOf(original, ids, options)
  const found = await logitsOf(other, ids, options)
  return compareLogits(expected, found, ids.length)
}

/**
 * How far one model's logits are from those of another over the same tokens.
 * @param expected [T,V] logits of the original, row-major
 * @param found [T,V] logits of the other
 * @param tokens T
 */
export function compareLogits(expected: Float32Array, found: Float32Array, tokens: number): Divergence {
  if (expected.length !== found.length || tokens < 1 || expected.length % tokens !== 0)
    throw new ArgumentError(`${expected.length} and ${found.length} logits of ${tokens} tokens: the vocabularies differ`)
  const vocabSize = expected.length / tokens
  let [sum, largestKl, same] = [0, 0, 0]
  for (let token = 0; token < tokens; token++) {
    const row = [token * vocabSize, (token + 1) * vocabSize] as const
    const [p, q] = [expected.subarray(...row), found.subarray(...row)]
    const [sizeP, sizeQ] = [logSum(p), logSum(q)]
    let kl = 0
    for (let i = 0; i < vocabSize; i++) {
      const logP = p[i]! - sizeP
      kl += Math.exp(logP) * (logP - (q[i]! - sizeQ))
    }
    // Rounding may make it slightly negative.
    kl = Math.max(0, kl)
    sum += kl
    largestKl = Math.max(largestKl, kl)
    if (first(p) === first(q)) same++
  }
  return { tokens, kl: sum / tokens, largestKl, sameFirst: same / tokens }
}

async function tokensOf(folder: string | FolderSource, options: DivergenceOptions): Promise<Int32Array> {
  const opened = await openModelFolder(folder, { signal: options.signal })
  await opened.weights.close()
  if (!opened.tokenizerJson) throw new CasaError(`${opened.name}: there is no tokenizer.json, so a text cannot be predicted`)
  const tokenizer = parseTokenizer(opened.tokenizerJson, opened.tokenizerConfig as TokenizerConfig | undefined)
  const ids = tokenizer.encodePlain(options.text ?? paragraph).subarray(0, options.tokens ?? 200)
  if (ids.length === 0) throw new ArgumentError('the text has no tokens')
  return ids
}

async function logitsOf(folder: string | FolderSource, ids: Int32Array, options: DivergenceOptions): Promise<Float32Array> {
  const { families, signal, weights = 'compressed' } = options
  const model = await loadModel(folder, { ...(families && { families }), signal, weights })
  try {
    const layout = { tokens: ids.length, cu: Int32Array.of(0, ids.length), images: [] }
    const logits = scope(() => model.backbone.logits(model.hidden({ ids, layout, patches: [] })))
    try {
      return (await logits.data()) as Float32Array
    } finally {
      logits.dispose()
    }
  } finally {
    model.dispose()
  }
}

/** log of the sum of exp, without overflow. */
function logSum(row: Float32Array): number {
  const top = row.reduce((most, x) => Math.max(most, x), -Infinity)
  return top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0))
}

function first(row: Float32Array): number {
  return row.reduce((best, x, i) => (x > row[best]! ? i : best), 0)
}
