/** The interface of a vision encoder. */
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
  /** Width of the image tokens: the backbone's D. */
  readonly outputWidth: number
  /** Number of image tokens for a grid. */
  tokens(grid: Patches['grid']): number
  /** Grid of the image tokens (after the merge), for multi-section positions. */
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
  /** Pixels -> patches, as this family expects them (resize, normalise, order). */
  process(image: RgbImage, config: C): Patches
  tinyConfig(): C
}

/** Returns the family unchanged; it only checks the type. */
export function defineVisionEncoder<C>(family: VisionEncoderFamily<C>): VisionEncoderFamily<C> {
  return family
}
