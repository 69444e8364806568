/**
 * Costs, counted as the kernels run: nothing is estimated from a config, so custom fusions are counted too.
 *
 * Floating-point operations are those of matrix products and attention, a multiplication and an addition each; element-wise work,
 * norms and softmax are left out, as is usual (Kaplan et al. 2020, arXiv 2001.08361, section 2.1). Attention counts the pairs of
 * query and key that see each other: 2 products forward, 5 backward, where the scores are computed again.
 */
import { CasaError } from '@casa-js/base'
import { type Backbone, type Fusion } from '@casa-js/core'
import { createSequence } from '@casa-js/sequence'
import { dispose, noGrad, observeKernels, scope, tensor, valueAndGradients, type KernelCall, type Tensor } from '@casa-js/tensor'

export interface PassCosts {
  /** Of the loss alone. */
  forwardFlops: number
  /** Of the gradients of all trained weights, given the forward pass. */
  backwardFlops: number
}

/**
 * Runs a loss forward and backward and counts.
 *
 * @param loss a scalar on the tape
 * @param weights those that train
 */
export function countPass(loss: () => Tensor, weights: Tensor[]): PassCosts {
  const forward = countFlops(() => scope(() => void noGrad(loss)))
  const both = countFlops(() => {
    const { value, gradients } = valueAndGradients(loss, weights)
    dispose(value, ...gradients)
  })
  return { forwardFlops: forward, backwardFlops: both - forward }
}

/** Runs `f` and returns the floating-point operations of its matrix products and attentions. */
export function countFlops(f: () => void): number {
  let flops = 0
  observeKernels((call) => void (flops += flopsOf(call)), f)
  return flops
}

function flopsOf({ kernel, inputs, attributes }: KernelCall): number {
  if (kernel === 'MatMul') {
    const { M, N, K } = attributes as { M: number; N: number; K: number }
    return 2 * M * N * K
  }
  if (kernel === 'Attention' || kernel === 'AttentionGrad') {
    const [, heads, headSize] = inputs.q!.shape as [number, number, number]
    return (kernel === 'Attention' ? 2 : 5) * 2 * heads * headSize * visiblePairs(attributes as Segments)
  }
  if (kernel.endsWith('Linear') || kernel.endsWith('LinearGrad'))
    throw new CasaError(`costs are counted on float32 weights: load the model with them (a ${kernel} kernel ran)`)
  return 0
}

interface Segments {
  cuQ: Int32Array
  cuK: Int32Array
  causal: boolean
  window: number
}

/** Pairs of query and key that see each other, over all segments. */
function visiblePairs({ cuQ, cuK, causal, window }: Segments): number {
  let pairs = 0
  for (let s = 0; s + 1 < cuQ.length; s++) {
    const queries = cuQ[s + 1]! - cuQ[s]!
    const keys = cuK[s + 1]! - cuK[s]!
    if (!causal) pairs += queries * keys
    // The last query sees every key, the one before all but the last.
    else for (let q = 0; q < queries; q++) pairs += Math.min(window, Math.max(0, keys - (queries - 1 - q)))
  }
  return pairs
}

export interface MemoryCosts {
  /** What an image adds to the keys, values and states that a session keeps while it answers. */
  bytesPerImage: number
  /** What a text token adds. */
  bytesPerTextToken: number
}

/**
 * Counts what a session keeps of an image of so many tokens, by running one: an image and a text token, and a text token alone. Rows that a
 * state's tensors hold ready for later tokens are zeros, and do not count.
 *
 * @param model a bound model; its device must be running
 */
export async function countMemory(model: { backbone: Backbone; fusion: Fusion }, imageTokens: number): Promise<MemoryCosts> {
  const text = await keptBytes(model, 1, 0)
  return {
    bytesPerImage: (await keptBytes(model, 1, imageTokens)) - text,
    bytesPerTextToken: (await keptBytes(model, 2, 0)) - text,
  }
}

/** Bytes of the rows in use, of the cache and of the fusion's state, after one piece. */
async function keptBytes(
  { backbone, fusion }: { backbone: Backbone; fusion: Fusion },
  textTokens: number,
  imageTokens: number,
): Promise<number> {
  const sequence = createSequence(backbone, fusion, { capacityTokens: textTokens + imageTokens })
  try {
    scope(() => {
      const ids = new Int32Array(textTokens)
      const slots =
        imageTokens > 0 ? [{ sample: 0, before: 0, tokens: imageTokens, grid: { rows: 1, columns: imageTokens } }] : []
      const pixels = Float32Array.from({ length: imageTokens * backbone.width }, (_, i) => Math.cos(i))
      const images = imageTokens > 0 ? { images: tensor(pixels, [imageTokens, backbone.width]) } : {}
      dispose(noGrad(() => sequence.advance({ ids, slots, ...images })))
    })
    const row = 2 * backbone.layers * backbone.kvHeads * backbone.headSize
    const state = await Promise.all(Object.values(sequence.state.tensors).map(valuesInUse))
    return 4 * (sequence.tokens * row + state.reduce((sum, values) => sum + values, 0))
  } finally {
    sequence.dispose()
  }
}

/** Values in rows that are not zero. */
async function valuesInUse(held: Tensor): Promise<number> {
  const values = await held.data()
  const width = held.size / (held.shape[0] ?? 1)
  let used = 0
  for (let at = 0; at < values.length; at += width)
    if (values.subarray(at, at + width).some((value) => value !== 0)) used += width
  return used
}
