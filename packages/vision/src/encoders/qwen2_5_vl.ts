/**
 * Qwen2.5-VL's vision encoder (arXiv 2502.13923, section 2.1.1; transformers, modeling_qwen2_5_vl.py).
 *
 * Unusual: the patch embedding is a convolution over two frames. The original processor repeats a still image in time (1176
 * values per patch); a single frame (588 values) with the sum of the kernel's two halves gives the same result at half the cost. Both
 * are accepted; `process` makes single frames, as CASA does. Cells are in window order in all blocks, including those with full
 * attention; the merger's output is put back in row-major order.
 */
import { CasaError } from '@casa-js/base'
import { defineVisionEncoder, type Params, type Patches, type TensorTable, type VisionEncoder } from '@casa-js/core'
import { add, gatherRows, gelu, linear, reshape, scope, slice, type Tensor } from '@casa-js/tensor'
import { patchify } from '../patchify.ts'
import { resize } from '../resize.ts'
import { smartResize } from '../smart-resize.ts'
import { cellsOf, type Grid } from '../tables/grid.ts'
import { packPatches } from './pack-patches.ts'
import { parseProcessor, visionFields, type ProcessorConfig } from './processor.ts'
import {
  dense,
  denseTensors,
  joinUnits,
  normTensor,
  runTrunk,
  trunkPlanner,
  trunkTensors,
  weightsOf,
  type Tap,
  type TrunkConfig,
} from './trunk.ts'

export interface Qwen2_5_VlVisionConfig extends TrunkConfig, ProcessorConfig {
  patchSizePx: number
  /** Frames covered by the patch convolution: 2. */
  temporalPatchSize: number
  outputWidth: number
}

const modelType = 'qwen2_5_vl'
/** Name prefixes of the encoder in checkpoints: transformers 4 and the hub's files, and transformers 5 in memory. */
const prefix = 'visual.'
const otherPrefix = 'model.visual.'
/** Bounds on the area in Qwen2.5-VL's preprocessor_config.json: 4 to 16,384 image tokens. */
const stockPixels = { minPixels: 4 * 28 * 28, maxPixels: 16_384 * 28 * 28 }

function parseConfig(json: unknown): Qwen2_5_VlVisionConfig {
  const f = visionFields(json)
  const width = f.integer('hidden_size')
  const heads = f.integer('num_heads')
  f.require(
    width % (4 * heads) === 0,
    'num_heads',
    `expected heads of a multiple of 4 out of hidden_size = ${width}, for 2-D rotary positions`,
  )
  f.require(f.integer(['in_channels', 'in_chans'], { fallback: 3 }) === 3, 'in_channels', 'expected 3 channels')
  f.oneOf('hidden_act', ['silu'], 'silu')
  const rotary = f.object('rope_parameters', { optional: true })
  rotary.oneOf('rope_type', ['axial'], 'axial')
  const depth = f.integer('depth', { max: 4096 })
  const patchSizePx = f.integer('patch_size')
  const mergeSize = f.integer('spatial_merge_size')
  const windowUnits = Math.floor(f.integer('window_size') / mergeSize / patchSizePx)
  f.require(windowUnits > 0, 'window_size', `expected at least one merged patch of ${patchSizePx * mergeSize} pixels`)
  const fullBlocks = f.integers('fullatt_block_indexes')
  f.require(
    fullBlocks.every((i) => i < depth),
    'fullatt_block_indexes',
    `expected indexes of the ${depth} blocks`,
  )
  const temporalPatchSize = f.integer('temporal_patch_size')
  f.require(temporalPatchSize === 2, 'temporal_patch_size', 'expected 2 frames')
  return {
    depth,
    width,
    heads,
    intermediateSize: f.integer('intermediate_size'),
    mergeSize,
    windowUnits,
    fullBlocks,
    theta: rotary.number('rope_theta', { fallback: 10_000 }),
    normEps: 1e-6,
    patchSizePx,
    temporalPatchSize,
    outputWidth: f.integer('out_hidden_size'),
    ...parseProcessor(f, stockPixels),
  }
}

function tensors(config: Qwen2_5_VlVisionConfig): TensorTable {
  const { width: D, mergeSize, patchSizePx, temporalPatchSize, outputWidth } = config
  const joined = mergeSize * mergeSize * D
  const table: TensorTable = [
    {
      name: prefix + 'patch_embed.proj.weight',
      shape: [D, 3, temporalPatchSize, patchSizePx, patchSizePx],
      init: { kind: 'fanIn' },
    },
    ...trunkTensors(config, prefix),
    normTensor(prefix + 'merger.ln_q', D),
    ...denseTensors(prefix + 'merger.mlp.0', joined, joined),
    ...denseTensors(prefix + 'merger.mlp.2', outputWidth, joined),
  ]
  return table.map((spec) => ({ ...spec, aliases: [otherPrefix + spec.name.slice(prefix.length)] }))
}

function bind(config: Qwen2_5_VlVisionConfig, params: Params): VisionEncoder {
  const { width: D, mergeSize, patchSizePx, outputWidth } = config
  const weights = weightsOf(modelType, params, prefix)
  const planOf = trunkPlanner(config, 'units')
  const pixels = patchSizePx * patchSizePx
  const outputGrid = ({ rows, columns }: Grid): Grid => ({ rows: rows / mergeSize, columns: columns / mergeSize })

  /** The convolution's kernel for patches of this many values: [D, values]. */
  function embedding(valuesPerPatch: number): Tensor {
    const kernel = weights('patch_embed.proj.weight') // [D, 3, 2, p, p]
    if (valuesPerPatch === 6 * pixels) return reshape(kernel, [D, 6 * pixels])
    if (valuesPerPatch !== 3 * pixels) {
      throw new CasaError(
        `${modelType}: patches of ${valuesPerPatch} values; expected ${3 * pixels} (one frame) or ${6 * pixels} (a doubled one)`,
      )
    }
    const byFrame = reshape(kernel, [D * 3, 2, pixels])
    const [first, second] = [0, 1].map((frame) => slice(byFrame, [0, frame, 0], [D * 3, 1, pixels])) as [Tensor, Tensor]
    return reshape(add(first, second), [D, 3 * pixels])
  }

  function encodeWithTaps(images: Patches[], tap?: Tap): Tensor {
    return scope(() => {
      const valuesPerPatch = images[0]?.valuesPerPatch ?? 3 * pixels
      const cells = linear(packPatches(modelType, images, valuesPerPatch), embedding(valuesPerPatch)) // [N, D]
      const plan = planOf(images.map(({ grid }) => grid))
      const units = joinUnits(config, runTrunk(config, weights, cells, plan, tap), weights('merger.ln_q.weight'))
      const merged = dense(weights, 'merger.mlp.2', gelu(dense(weights, 'merger.mlp.0', units), { approximate: 'none' }))
      return gatherRows(merged, plan.restore)
    })
  }

  return {
    modelType,
    outputWidth,
    tokens: (grid) => cellsOf(outputGrid(grid)),
    outputGrid,
    encode: (images) => encodeWithTaps(images),
    encodeWithTaps,
  }
}

export const qwen2_5_vl = defineVisionEncoder<Qwen2_5_VlVisionConfig>({
  modelType,
  parseConfig,
  tensors,
  bind,
  process(image, { patchSizePx, mergeSize, minPixels, maxPixels, mean, std }) {
    const { widthPx, heightPx } = smartResize(image, patchSizePx * mergeSize, minPixels, maxPixels)
    return patchify(resize(image, widthPx, heightPx), { patchSizePx, mergeSize, frames: 1, mean, std })
  },
  tinyConfig: () =>
    parseConfig({
      depth: 2,
      hidden_size: 16,
      num_heads: 2,
      intermediate_size: 20,
      patch_size: 2,
      spatial_merge_size: 2,
      temporal_patch_size: 2,
      window_size: 8,
      fullatt_block_indexes: [1],
      out_hidden_size: 12,
      min_pixels: 16,
      max_pixels: 400,
    }),
})
