/** The parsed config.json of a Llama-like model: what differs between them. */
import type { RotaryScaling } from './rotary.ts'

/** One Llama-like model. Letters as in the legend of ARCHITECTURE.md. */
export interface DecoderConfig {
  modelType: string
  layers: number
  /** D */
  width: number
  /** Width of the feed-forward layer. */
  intermediateSize: number
  /** H */
  heads: number
  /** K */
  kvHeads: number
  /** E */
  headSize: number
  /** V */
  vocabSize: number
  normEps: number
  ropeTheta: number
  ropeLayout: 'half' | 'interleaved'
  /** Pairs of a head that rotate with (time, height, width); absent: one position per token. */
  ropeSections?: number[] | undefined
  ropeScaling?: RotaryScaling
  /** By layer: the most keys that a token sees, including its own; Infinity: no limit. Absent: no layer has a window. */
  windows?: readonly number[]
  biases: { qkv: boolean; output: boolean; feedForward: boolean }
  tiedEmbeddings: boolean
  /** The padding token: its embedding is read but gets no gradient, as with PyTorch's `padding_idx`. */
  padToken?: number | undefined
  maxPositions: number
}
