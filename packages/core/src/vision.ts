/** The seam of a vision encoder. */
import type { RgbImage } from '@casa-js/base'
import type { Tensor } from '@casa-js/tensor'
import type { Params, TensorTable } from './table.ts'

/** An image ready for its encoder. */
export interface Patches {
  /** [rows * columns, values per patch], in the order that the encoder's processor defines. */
  values: Float32Array
  /** Patches in the image, before any merge. */
  grid: { rows: number; columns: number }
  valuesPerPatch: number
}

/** A vision encoder bound to its weights: patches -> image tokens. */
export interface VisionEncoder {
  readonly modelType: string
  /** Width of what comes out: the backbone's D. */
  readonly outputWidth: number
  /** Image tokens that a grid becomes. */
  tokens(grid: Patches['grid']): number
  /** Grid of the tokens that come out (after the merge), for multi-section positions. */
  outputGrid(grid: Patches['grid']): Patches['grid']
  /** Encode several images at once, packed. -> [sum of tokens, outputWidth], image after image, rows first. */
  encode(images: Patches[]): Tensor
  /** The same, and every block's output by name ("vision.0", ..), for parity tests. */
  encodeWithTaps?(images: Patches[], tap: (name: string, value: Tensor) => void): Tensor
}

/** A family of vision encoders: one `model_type` of vision_config. C is its parsed config. */
export interface VisionEncoderFamily<C = unknown> {
  readonly modelType: string
  parseConfig(json: unknown): C
  tensors(config: C): TensorTable
  bind(config: C, params: Params): VisionEncoder
  /** Pixels -> patches, as this family wants them (resize, normalise, order). */
  process(image: RgbImage, config: C): Patches
  tinyConfig(): C
}

/** Types a vision encoder family; returns it as it is. */
export function defineVisionEncoder<C>(family: VisionEncoderFamily<C>): VisionEncoderFamily<C> {
  return family
}
