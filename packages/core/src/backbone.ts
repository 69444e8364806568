/**
 * The interface of a language backbone: what a contributor implements, and what a fusion may use of it.
 */
import type { Tensor } from '@casa-js/tensor'
import type { Params, TensorTable } from './table.ts'

/** Rotary angles of some tokens; made by `Backbone.rotary`. cos, sin [T, E/2]. */
export interface RotaryTable {
  cos: Tensor
  sin: Tensor
}

/**
 * Positions of T tokens: one row [T], or three rows (time, height, width) for multi-section rotary. For a multi-section backbone, one
 * row means three equal rows.
 */
export type Positions = Int32Array | [Int32Array, Int32Array, Int32Array]

/** Keys and values of the text seen so far, at a fixed capacity. One sequence. Created by a backbone, disposed by its owner. */
export interface KvCache {
  readonly capacityTokens: number
  /** Tokens stored. Only `runLayers` changes it, after all layers have run. */
  length: number
  /**
   * Write k, v [T,K,E] of a layer at `length` and return the whole buffers, [capacity, K, E]: the first length + T rows are valid.
   * @throws CasaError when they do not fit.
   */
  append(layer: number, k: Tensor, v: Tensor): { k: Tensor; v: Tensor }
  /** The buffers of a layer, [rows, K, E], of which the first `length` are valid; undefined if it stored nothing. */
  layer(index: number): { k: Tensor; v: Tensor } | undefined
  /**
   * Forget everything after the first `tokens`.
   * @throws CasaError when there are fewer.
   */
  truncate(tokens: number): void
  dispose(): void
}

/** What all layers of one forward pass share. */
export interface Step {
  /** Text tokens of this pass. */
  tokens: number
  /** Sample boundaries of the text, Int32Array of samples + 1. With a cache there is one sample. */
  cu: Int32Array
  rotary: RotaryTable
  cache?: KvCache
}

/** Queries, keys and values of T tokens, split into heads. */
export interface Heads {
  /** [T, H, E] */
  q: Tensor
  /** [T, K, E] */
  k: Tensor
  /** [T, K, E] */
  v: Tensor
}

/**
 * The attention half of one block, as a fusion sees it. A fusion replaces self-attention by not calling `attend`;
 * `project` and `output` let it share the block's weights.
 */
export interface Site {
  readonly layer: number
  /** Sliding window: the most keys that a token sees in this block's self-attention, including its own. Absent: no limit. */
  readonly window?: number | undefined
  /** The block's input norm. [T,D] -> [T,D] */
  norm(x: Tensor): Tensor
  /** The block's q, k, v of normed input, before rotation. */
  project(normed: Tensor): Heads
  /** Only k and v, for rows that are not queries: image tokens. */
  projectKeys(normed: Tensor): Pick<Heads, 'k' | 'v'>
  /** Rotate q or k [T, heads, E]. */
  rotate(heads: Tensor, rotary: RotaryTable): Tensor
  /** The block's whole self-attention on normed input: project, rotate, attend (with the cache), output. [T,D] -> [T,D] */
  attend(normed: Tensor): Tensor
  /** The block's output projection. [T,H,E] -> [T,D] */
  output(heads: Tensor): Tensor
  /** The other half of the block, without its residual: mlp(norm(x)). For fusions that also update image tokens. */
  feedForward(x: Tensor): Tensor
}

/** Around the attention half of a block. The default is x + site.attend(site.norm(x)). */
export type Fuse = (x: Tensor, site: Site) => Tensor

/** A linear layer: weight [out, in], bias [out]. */
export interface Projection {
  weight: Tensor
  bias?: Tensor | undefined
}

/** The four linear layers of a block's self-attention. */
export interface Projections {
  q_proj: Projection
  k_proj: Projection
  v_proj: Projection
  o_proj: Projection
}

/**
 * A language model bound to its weights, as the parts of a forward pass: embed, every layer, final norm, logits.
 * All of them allocate tensors: run them in a scope.
 */
export interface Backbone {
  readonly modelType: string
  readonly layers: number
  /** D */
  readonly width: number
  /** H */
  readonly heads: number
  /** K */
  readonly kvHeads: number
  /** E */
  readonly headSize: number
  /** V */
  readonly vocabSize: number
  /** Rows of a position: 1, or 3 for multi-section rotary (time, height, width). */
  readonly positionRows: 1 | 3
  /** Positions that it was trained for (`max_position_embeddings`), if its config says so: sessions end there. */
  readonly maxPositions?: number
  /**
   * True if single tokens may be run from a plan: when one follows another, the backbone runs the same operators on the same tensors, and
   * only positions and lengths in them grow, by the same amount per token. Default: false, op by op.
   */
  readonly replayable?: boolean
  /** A block's own attention weights, [out, in], possibly compressed. A fusion takes shapes (`shapeOf`) and initial values from them. */
  selfAttention(layer: number): Projections
  /** ids Int32Array [T] -> [T,D] */
  embed(ids: Int32Array): Tensor
  rotary(positions: Positions): RotaryTable
  /** One block. [T,D] -> [T,D] */
  layer(index: number, x: Tensor, step: Step, fuse?: Fuse): Tensor
  /** Final norm. [T,D] -> [T,D] */
  finalNorm(x: Tensor): Tensor
  /** The head, on rows after the final norm. [T,D] -> [T,V] */
  logits(normed: Tensor): Tensor
  /** The head's weight [V,D], possibly compressed, for the chunked loss. */
  readonly head: Tensor
  createCache(capacityTokens: number): KvCache
}

/** A family of checkpoints: one `model_type` of config.json. C is its parsed config. */
export interface BackboneFamily<C = unknown> {
  readonly modelType: string
  /** @throws ConfigError naming the field and what was expected. */
  parseConfig(json: unknown): C
  /** Every weight of a model of this config. */
  tensors(config: C): TensorTable
  /** Pure: keeps references to the weights, allocates nothing. */
  bind(config: C, params: Params): Backbone
  /** A config small enough for tests. */
  tinyConfig(): C
}

/** Returns the family unchanged; it only checks the type. */
export function defineBackbone<C>(family: BackboneFamily<C>): BackboneFamily<C> {
  return family
}
