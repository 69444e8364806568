/** Sizes, weights and tokens of the reference decoder: plain numbers, which every peer reads. */

export interface DecoderShape {
  width: number
  heads: number
  ffn: number
  layers: number
  vocabulary: number
  batch: number
  /** Tokens of one sample. */
  tokens: number
}

export const referenceShape: DecoderShape = { width: 256, heads: 4, ffn: 1024, layers: 4, vocabulary: 512, batch: 8, tokens: 128 }

export interface Weight {
  data: Float32Array
  shape: number[]
}

/** The settings of its AdamW step. */
export const adamw = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.01 }

/** Every weight by name, [out, in]; uniform with standard deviation 0.02, norms one. */
export function decoderWeights({ width, ffn, layers, vocabulary }: DecoderShape): Record<string, Weight> {
  let state = 1
  const uniform = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32) * 2 - 1
  const random = (rows: number, columns: number): Weight => ({
    data: Float32Array.from({ length: rows * columns }, () => uniform() * 0.02 * Math.sqrt(3)),
    shape: [rows, columns],
  })
  const ones = (): Weight => ({ data: new Float32Array(width).fill(1), shape: [width] })
  const weights: Record<string, Weight> = { embedding: random(vocabulary, width) }
  for (let layer = 0; layer < layers; layer++) {
    for (const name of ['q', 'k', 'v', 'o']) weights[`${layer}.${name}`] = random(width, width)
    weights[`${layer}.gate`] = random(ffn, width)
    weights[`${layer}.up`] = random(ffn, width)
    weights[`${layer}.down`] = random(width, ffn)
    weights[`${layer}.attentionNorm`] = ones()
    weights[`${layer}.ffnNorm`] = ones()
  }
  return { ...weights, finalNorm: ones() }
}

/** Tokens and the tokens that follow them. */
export function decoderTokens({ batch, tokens, vocabulary }: DecoderShape): { ids: Int32Array; targets: Int32Array } {
  const ids = Int32Array.from({ length: batch * tokens }, (_, t) => (t * 37 + (t >> 3)) % vocabulary)
  return { ids, targets: Int32Array.from(ids, (_, t) => ids[(t + 1) % ids.length]!) }
}
