/**
 * The interface of a fusion: how image tokens reach a backbone, in training and while decoding with a cache.
 *
 *   family   fusion_config of a model folder -> weights -> `Fusion`       what a contributor writes
 *   fusion   a pass over a packed batch; a pass over the next piece of one growing sequence, given the state after the last one
 *   state    numbers and tensors, immutable: a pass returns the next state
 *
 * The caller that runs the passes (`createSequence`) keeps and frees a state's tensors, advances the cache, and restores the earlier
 * state when a pass fails. A fusion neither keeps nor disposes tensors, and advances nothing itself.
 */
import type { Tensor } from '@casa-js/tensor'
import type { Backbone, Fuse, Positions } from './backbone.ts'
import type { Params, TensorTable } from './table.ts'

/** The place of an image in packed text. */
export interface ImageSlot {
  sample: number
  /** Index, in the packed stream, of the text token after the image. */
  before: number
  /**
   * Index of the first of the tokens that mark the image in front, e.g. "<|vision_start|>": `before` where there are none. A fusion
   * may count those marks among the text that belongs to the image.
   */
  from?: number
  /** Image tokens. */
  tokens: number
  /** Their rows and columns, for multi-section positions. */
  grid?: { rows: number; columns: number }
}

/** A packed conversation: text tokens, and the places of images among them. */
export interface Layout {
  /** Text tokens of all samples. */
  tokens: number
  /** Sample boundaries over text tokens, Int32Array [samples + 1]. */
  cu: Int32Array
  /** Image slots in reading order. */
  images: ImageSlot[]
}

/** One pass over all blocks: which rows run through them, and the hook. */
export interface FusionPass {
  /** Makes the rows [R, D] from the embedded text [T, D]. Default: the text. */
  rows?(text: Tensor): Tensor
  /** Rows R of the pass. */
  count: number
  /** Sample boundaries over the rows. */
  cu: Int32Array
  /** Positions of the rows. */
  positions: Positions
  /** The row of each text token, Int32Array [T]. Default: rows are text tokens. */
  textRows?: Int32Array
  /** Replaces the attention half of every block. Default: the block's own self-attention. */
  fuse?: Fuse
  /** `fuse` changes in one block what it reads in the next, so that no block can be run again in the backward pass. */
  carriesState?: boolean
}

/**
 * What a fusion stores about a sequence between passes, besides the text's KV cache. Plain data, so that it can be restored and
 * saved. Tensors may be shared with the previous state; rows that a state does not count yet may be written in place.
 */
export interface FusionState<V extends Readonly<Record<string, number>> = Readonly<Record<string, number>>> {
  readonly values: V
  readonly tensors: Readonly<Record<string, Tensor>>
}

/** The attention of one fusion layer for the last text token of a pass, e.g. to draw it over the image. */
export interface AttentionScores {
  layer: number
  /** Scaled products of query and keys before the softmax, [H, keys]: image tokens first, then text. Valid only during the callback. */
  scores: Tensor
  imageTokens: number
}

/** The next piece of one growing sequence. */
export interface SequencePiece {
  /** Text tokens and image slots of the piece: one sample, at least one text token. */
  layout: Layout
  /** Image tokens in the order of the slots, [sum of tokens, D]; undefined if there are none. */
  images?: Tensor
  /** Tokens already in the cache. */
  cached: number
  /**
   * Tensors of an earlier state that nothing needs any more, by their names there, for a fusion that `reusesTensors`: the pass may overwrite
   * them and put them into its state.
   */
  spare?: Readonly<Record<string, Tensor>> | undefined
  /** Called by every layer that has its own attention to images. A fusion need not support it. */
  onAttention?: ((scores: AttentionScores) => void) | undefined
}

export interface SequencePass<S extends FusionState> extends FusionPass {
  /** Returns the state after the pass. Called once, after every block has run. */
  next(): S
}

/** A fusion bound to its weights and backbone. */
export interface Fusion<S extends FusionState = FusionState> {
  /**
   * Whether image tokens are stored in the text's KV cache. If so, a sequence grows with every image and its text cannot be truncated;
   * if not, text can be truncated at any token, and the state is reset.
   */
  readonly imagesInCache: boolean
  /**
   * True if pieces may be run from a plan: of two pieces of as many tokens, with images of the same sizes in the same places, `next` runs the
   * same operators on the same tensors, and every number in them is one of the sequence's counters plus a constant: the tokens in the
   * cache, or a number of the state, which grows by the same amount per piece, or is set to the same one. Default: false, op by op.
   */
  readonly replayable?: boolean
  /**
   * True if `next` writes a new image into the `spare` tensors that it is given, where they fit. Plans are bound to tensors, so those of
   * earlier images then fit later ones. A sequence that plans holds one earlier state's tensors for it. Default: false.
   */
  readonly reusesTensors?: boolean
  /**
   * The pass over a packed batch, differentiable: training and evaluation. Allocates: called in a scope.
   * @param images [sum of image tokens, D], in the order of layout.images
   */
  pass(layout: Layout, images: Tensor | undefined): FusionPass
  /** The initial state. */
  start(): S
  /** The pass over the next piece. Allocates: called in a scope. */
  next(state: S, piece: SequencePiece): SequencePass<S>
}

/** A way of bringing image tokens into a backbone: one `kind` of `fusion_config`. C is its parsed config. */
export interface FusionFamily<C = unknown> {
  readonly kind: string
  /**
   * @param json `fusion_config` of a model folder
   * @throws ConfigError naming the field and what was expected
   */
  parseConfig(json: unknown, path?: string): C
  /** Defaults written into the `fusion_config` of a new model. Folders without these fields get the defaults of `parseConfig`. */
  readonly newModelFields?: Readonly<Record<string, unknown>>
  /** The weights that the fusion adds; shapes follow from the backbone. */
  tensors(config: C, backbone: Backbone): TensorTable
  /** Added weights that start as copies of the backbone's: name of the added tensor -> tensor to copy. */
  initialisers?(config: C, backbone: Backbone): Map<string, Tensor>
  /** Pure: keeps references to the weights, allocates nothing. */
  bind(config: C, params: Params, backbone: Backbone): Fusion
}

/** Returns the family unchanged; it only checks the type. */
export function defineFusion<C>(family: FusionFamily<C>): FusionFamily<C> {
  return family
}

/** Positions of packed text: 0, 1, 2.. in every sample. */
export function textPositions({ tokens, cu }: Pick<Layout, 'tokens' | 'cu'>): Int32Array {
  const positions = new Int32Array(tokens)
  for (let sample = 0; sample + 1 < cu.length; sample++) {
    for (let t = cu[sample]!; t < cu[sample + 1]!; t++) positions[t] = t - cu[sample]!
  }
  return positions
}

/** The fusion of a model without images: its passes are its text. */
export const textOnly: Fusion = {
  imagesInCache: false,
  replayable: true,
  pass: (layout) => ({ count: layout.tokens, cu: layout.cu, positions: textPositions(layout) }),
  start: () => ({ values: {}, tensors: {} }),
  next: (state, { layout, cached }) => ({
    count: layout.tokens,
    cu: layout.cu,
    positions: Int32Array.from({ length: layout.tokens }, (_, t) => cached + t),
    next: () => state,
  }),
}
