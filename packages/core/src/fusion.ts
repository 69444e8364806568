/** The seam of a fusion: how image tokens reach a backbone. */
import type { Tensor } from '@casa-js/tensor'
import type { Backbone, Fuse } from './backbone.ts'
import type { Params, TensorTable } from './table.ts'

/** A packed conversation: text tokens, and where images stand among them. */
export interface Layout {
  /** Text tokens of all samples. */
  tokens: number
  /** Sample boundaries over text tokens. */
  cu: Int32Array
  /** Image slots in order: `before` is the text index (in the packed stream) that the image stands before; `sample` its sample. */
  images: { sample: number; before: number; tokens: number; grid?: { rows: number; columns: number } }[]
}

export interface FusionFamily<C = unknown> {
  readonly kind: string
  parseConfig(json: unknown): C
  tensors(config: C, backbone: Backbone): TensorTable
  /**
   * A hook for one forward pass over a packed batch.
   * images: [sum of image tokens, D], in the order of layout.images.
   */
  fuse(config: C, params: Params, backbone: Backbone, layout: Layout, images: Tensor | undefined): Fuse
}

export function defineFusion<C>(family: FusionFamily<C>): FusionFamily<C> {
  return family
}
