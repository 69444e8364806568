/**
 * A vision-language model: a backbone, an encoder and a fusion bound to one set of weights.
 */
import { qFormerTensors, withQFormer } from '@casa-js/casa/internal'
import { ArgumentError, DeviceLostError, StateError } from '@casa-js/base'
import {
  type Backbone,
  type Fusion,
  type PackedBatch,
  type Params,
  type Patches,
  type RgbImage,
  type TensorTable,
  type VisionEncoder,
} from '@casa-js/core'
import { runPass, type LayerTap } from '@casa-js/sequence'
import { dispose, gatherRows, linearCrossEntropy, type Tensor } from '@casa-js/tensor'
import { timesClosed } from '@casa-js/tensor/internal'
import type { VlmConfig } from './config.ts'

export interface VlmModel {
  readonly config: VlmConfig
  /** Every weight by checkpoint name. */
  readonly params: Params
  readonly backbone: Backbone
  readonly vision?: VisionEncoder
  readonly fusion: Fusion
  /** Pixels -> patches, as this model's encoder wants them. */
  process(image: RgbImage): Patches
  /** [images] -> [sum of their tokens, D] */
  encodeImages(patches: Patches[]): Tensor
  /** Final hidden state of every text token of a packed batch: [T, D], before the head. Allocates: run in a scope. */
  hidden(input: Pick<PackedBatch, 'ids' | 'layout' | 'patches'>, options?: HiddenOptions): Tensor
  /** Whether the device of its weights has been closed. */
  readonly deviceClosed: boolean
  /** @throws StateError after `dispose`, DeviceLostError after `close`. */
  checkAlive(): void
  /** Mean next-token cross-entropy over the weighted targets, a scalar; differentiable. */
  loss(batch: PackedBatch, options?: HiddenOptions): Tensor
  /** Frees every weight. Calling it again does nothing. */
  dispose(): void
}

export interface HiddenOptions {
  /** Use these image tokens instead of encoding patches. */
  images?: Tensor | undefined
  /** See every block's output. */
  tap?: LayerTap
}

/** The weights that a config needs, but for the fusion's. Those take their shapes from the bound backbone. */
export function vlmTensors(config: VlmConfig): TensorTable {
  return [...config.backbone.family.tensors(config.backbone.config), ...encoderTensors(config)]
}

/** The weights that make image tokens of patches: the vision encoder's and the compressor's. */
export function encoderTensors({ vision, compressor }: VlmConfig): TensorTable {
  return [...(vision ? vision.family.tensors(vision.config) : []), ...(compressor ? qFormerTensors(compressor) : [])]
}

/** The weights that the fusion adds. */
export function fusionTensors(config: VlmConfig, backbone: Backbone): TensorTable {
  return config.fusion.family.tensors(config.fusion.config, backbone)
}

/** Fusion weights that start as copies of the backbone's: name -> tensor to copy. */
export function fusionInitialisers(config: VlmConfig, backbone: Backbone): Map<string, Tensor> {
  return config.fusion.family.initialisers?.(config.fusion.config, backbone) ?? new Map()
}

/** @throws ArgumentError when pixels and size do not fit one another. */
function checkImage({ widthPx, heightPx, data }: RgbImage): void {
  const isSize = (value: number) => Number.isInteger(value) && value > 0
  if (!isSize(widthPx) || !isSize(heightPx) || data?.length !== widthPx * heightPx * 3) {
    throw new ArgumentError(
      `image: expected 3 bytes for each of ${widthPx} x ${heightPx} pixels (rgb, row after row), found ${data?.length ?? 'nothing'}`,
    )
  }
}

/** Bind a model to its weights. Takes ownership of `params`: `dispose` frees them. */
export function bindVlm(config: VlmConfig, params: Params): VlmModel {
  const backbone = config.backbone.family.bind(config.backbone.config, params)
  const encoder = config.vision?.family.bind(config.vision.config, params)
  const vision = encoder && config.compressor ? withQFormer(config.compressor, params, encoder) : encoder

  const fusion = config.fusion.family.bind(config.fusion.config, params, backbone)

  let isDisposed = false
  const madeAt = timesClosed()
  const deviceClosed = () => timesClosed() !== madeAt
  function checkAlive() {
    if (deviceClosed()) throw new DeviceLostError('the device of this model was closed: init() and load the model again')
    if (isDisposed) throw new StateError('this model was disposed: load it again')
  }

  const needVision = () => {
    checkAlive()
    if (!vision || !config.vision) throw new ArgumentError('this model has no vision encoder: it takes text only')
    return { encoder: vision, ...config.vision }
  }

  return {
    config,
    params,
    backbone,
    ...(vision && { vision }),
    fusion,
    process(image) {
      const { family, config: visionConfig } = needVision()
      checkImage(image)
      return family.process(image, visionConfig)
    },
    encodeImages: (patches) => needVision().encoder.encode(patches),
    hidden({ ids, layout, patches }, { images, tap } = {}) {
      checkAlive()
      const features = images ?? (patches.length > 0 ? needVision().encoder.encode(patches) : undefined)
      return runPass(backbone, ids, fusion.pass(layout, features), { ...(tap && { tap }) })
    },
    loss(batch, options) {
      const hidden = this.hidden(batch, options)
      const counted = Int32Array.from(batch.weights.keys()).filter((t) => batch.weights[t] !== 0)
      if (counted.length === 0) throw new ArgumentError('the batch has no answer token to learn from')
      const targets = Int32Array.from(counted, (t) => batch.targets[t]!)
      const weights = Float32Array.from(counted, (t) => batch.weights[t]!)
      return linearCrossEntropy(gatherRows(hidden, counted), backbone.head, targets, weights)
    },
    get deviceClosed() {
      return deviceClosed()
    },
    checkAlive,
    dispose() {
      isDisposed = true
      // Closing a device has already freed its tensors.
      if (!deviceClosed()) dispose(...Object.values(params))
    },
  }
}
