/** What differs between the models of Llama's line: the numbers of one config.json, parsed. */
import type { RotaryScaling } from './rotary.ts'

/** One model of the line. Letters as in the legend of ARCHITECTURE.md. */
export interface DecoderConfig {
  modelType: string
  layers: number
  /** D */
  width: number
  /** Width of the feed-forward half. */
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
  /** Pairs of a head that turn with (time, height, width); absent: one position per token. */
  ropeSections?: number[] | undefined
  ropeScaling?: RotaryScaling
  /** By layer: how many keys a token sees, itself and those before it; Infinity: all. Absent: all layers see all. */
  windows?: readonly number[]
  biases: { qkv: boolean; output: boolean; feedForward: boolean }
  tiedEmbeddings: boolean
  /** The padding token: its embedding is read but never learns, as in PyTorch's `padding_idx`. */
  padToken?: number | undefined
  maxPositions: number
}
