/**
 * Tensor tables: a model's weights as data. The one place where names of checkpoint tensors are written.
 */
import type { Tensor } from '@casa-js/tensor'

/** How a tensor is initialised when it is trained from scratch. `fanIn`: normal with standard deviation gain / sqrt(fan in). */
export type Init = { kind: 'normal'; std: number } | { kind: 'fanIn'; gain?: number } | { kind: 'ones' } | { kind: 'zeros' }

/** One tensor: its name in the checkpoint, its shape, its initialisation. */
export interface TensorSpec {
  /** Full name in the checkpoint, e.g. "model.layers.0.self_attn.q_proj.weight". */
  name: string
  shape: number[]
  init: Init
  /** Other names under which published checkpoints carry the same tensor. */
  aliases?: string[]
}

/** Every tensor of a module, in a fixed order. */
export type TensorTable = TensorSpec[]

/**
 * A module's weights by checkpoint name. Flat on purpose: freezing, parameter groups, saving and gradients all work by name. A matrix may be
 * compressed: `linear` and `embedding` accept it, `shapeOf` returns its shape.
 */
export type Params = Record<string, Tensor>

/** A source of weights; `load` checks the shape and dtype of every tensor against its spec. */
export interface WeightSource {
  /** Names, shapes and dtypes of all tensors. */
  entries(): Map<string, { shape: number[]; dtype: string }>
  /** float32 values in row-major order. */
  read(name: string): Promise<Float32Array>
  close(): Promise<void>
}
