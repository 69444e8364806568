/** Attention weights: a layer's attention from one text token to its image and its text, e.g. to draw a heat map. */
import type { AttentionScores } from '@casa-js/core'
import { dispose, keep, scope, scale, type Tensor } from '@casa-js/tensor'

/** One layer's weights for one token, averaged over heads. They add up to 1. */
export interface LayerAttention {
  /** The block, from 0. */
  layer: number
  /** Over the image tokens of the window, images one after the other, rows first. */
  image: Float32Array
  /** Over the window's text, the token itself last. */
  text: Float32Array
  /** Sum of `image`: the share of attention on the image. One softmax over both is CASA's gate. */
  imageShare: number
}

/** Collects scores during a pass, and returns the weights afterwards. */
export interface AttentionReader {
  onAttention(scores: AttentionScores): void
  read(): Promise<LayerAttention[]>
  dispose(): void
}

export function createAttentionReader(): AttentionReader {
  let taken: { layer: number; imageTokens: number; scores: Tensor }[] = []
  const reset = () => {
    dispose(...taken.map(({ scores }) => scores))
    taken = []
  }
  return {
    // Copied, as the scores are only valid during the pass.
    onAttention: ({ scores, ...of }) => void taken.push({ ...of, scores: keep(scope(() => scale(scores, 1))) }),
    async read() {
      const layers: LayerAttention[] = []
      for (const { layer, imageTokens, scores } of taken) {
        const weights = meanSoftmax((await scores.data()) as Float32Array, scores.shape[1]!)
        const image = weights.slice(0, imageTokens)
        layers.push({ layer, image, text: weights.slice(imageTokens), imageShare: image.reduce((sum, x) => sum + x, 0) })
      }
      reset()
      return layers
    },
    dispose: reset,
  }
}

/** Scores [H, keys] -> weights [keys], each head's softmax, their mean. */
function meanSoftmax(scores: Float32Array, keys: number): Float32Array {
  const mean = new Float32Array(keys)
  const heads = scores.length / keys
  for (let head = 0; head < heads; head++) {
    const row = scores.subarray(head * keys, (head + 1) * keys)
    const largest = row.reduce((most, x) => Math.max(most, x), -Infinity)
    const weights = row.map((x) => Math.exp(x - largest))
    const sum = weights.reduce((total, x) => total + x, 0)
    for (let key = 0; key < keys; key++) mean[key]! += weights[key]! / sum / heads
  }
  return mean
}
