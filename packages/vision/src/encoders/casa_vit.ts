/**
 * A small vision encoder of our own: a convolutional stem in front of Qwen2.5-VL's blocks (trunk.ts), then one linear merger.
 *
 *   patches [N0, 3 p^2]  ->  stem: per stage a 3x3 convolution of stride 2, RMS norm, GELU  ->  linear [N, D] (+ sinusoids)
 *   ->  blocks with 2-D rotary positions  ->  norm, k x k neighbours joined, linear  ->  tokens [N / k^2, outputWidth]
 *
 * Unusual: a stem of strided convolutions instead of one large patch embedding lets a small encoder train from scratch (Xiao et al. 2021,
 * arXiv 2106.14881). Each is a gather of nine rows and a linear layer, so there is no convolution operator. Images keep
 * their own size: sides are rounded to the nearest multiple of the total stride p * 2^stages * k.
 */
import {
  defineVisionEncoder,
  type Params,
  type Patches,
  type RgbImage,
  type TensorTable,
  type VisionEncoder,
} from '@casa-js/core'
import { add, gatherRows, gelu, reshape, rmsNorm, scope, tensor, type Tensor } from '@casa-js/tensor'
import { patchify } from '../patchify.ts'
import { resize } from '../resize.ts'
import type { Size } from '../smart-resize.ts'
import { cachedByGrid, cellsOf, packIndices, type Grid } from '../tables/grid.ts'
import { convolutionTaps, halved, tapsPerCell } from '../tables/im2col.ts'
import { sinusoids } from '../tables/sinusoids.ts'
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

export interface CasaVitConfig extends TrunkConfig, ProcessorConfig {
  /** Side of the patches that the stem starts from. */
  patchSizePx: number
  /** Output channels of each stage of the stem; an empty list gives a plain patch ViT. */
  stemChannels: number[]
  /** Add fixed sinusoids of a cell's row and column to the input of the blocks. */
  absolutePositions: boolean
  /** Subtract each image's mean from its pixels and divide by its std, so that text looks alike in any colours of ink and paper. */
  standardizeImages: boolean
  outputWidth: number
}

const modelType = 'casa_vit'
const prefix = 'vision.'

/** Side of the square of pixels that one token covers. */
const totalStride = ({ patchSizePx, stemChannels, mergeSize }: CasaVitConfig) =>
  patchSizePx * 2 ** stemChannels.length * mergeSize

function parseConfig(json: unknown): CasaVitConfig {
  const f = visionFields(json)
  const width = f.integer('hidden_size')
  const heads = f.integer('num_heads')
  f.require(
    width % (4 * heads) === 0,
    'num_heads',
    `expected heads of a multiple of 4 out of hidden_size = ${width}, for 2-D rotary positions`,
  )
  const depth = f.integer('depth', { max: 4096 })
  const stemChannels = f.integers('stem_channels', { fallback: [] })
  f.require(stemChannels.length <= 6 && stemChannels.every((c) => c > 0), 'stem_channels', 'expected at most 6 numbers above 0')
  const patchSizePx = f.integer('patch_size')
  const mergeSize = f.integer('spatial_merge_size')
  const stride = patchSizePx * 2 ** stemChannels.length * mergeSize
  const windowSizePx = f.integer('window_size', { min: 0, fallback: 0 })
  f.require(windowSizePx % stride === 0, 'window_size', `expected 0 or a multiple of the total stride, ${stride} pixels`)
  const fullBlocks = f.integers('fullatt_block_indexes', { fallback: [] })
  f.require(
    fullBlocks.every((i) => i < depth),
    'fullatt_block_indexes',
    `expected indexes of the ${depth} blocks`,
  )
  const processor = parseProcessor(f, { minPixels: stride * stride, maxPixels: 1024 * stride * stride })
  f.require(processor.maxPixels >= stride * stride, 'max_pixels', `expected room for one token of ${stride} x ${stride} pixels`)
  return {
    depth,
    width,
    heads,
    intermediateSize: f.integer('intermediate_size'),
    mergeSize,
    windowUnits: windowSizePx / stride,
    fullBlocks,
    theta: 10_000,
    normEps: 1e-6,
    patchSizePx,
    stemChannels,
    absolutePositions: f.boolean('absolute_positions', false),
    standardizeImages: f.boolean('standardize_images', false),
    outputWidth: f.integer('out_hidden_size'),
    ...processor,
  }
}

function tensors(config: CasaVitConfig): TensorTable {
  const { patchSizePx, stemChannels, width: D, mergeSize, outputWidth } = config
  const channels = [3 * patchSizePx * patchSizePx, ...stemChannels]
  const stem = stemChannels.flatMap((out, stage) => [
    ...denseTensors(`${prefix}stem.${stage}.convolution`, out, tapsPerCell * channels[stage]!),
    normTensor(`${prefix}stem.${stage}.norm`, out),
  ])
  return [
    ...stem,
    ...denseTensors(prefix + 'embed', D, channels[stemChannels.length]!),
    ...trunkTensors(config, prefix),
    normTensor(prefix + 'merger.norm', D),
    ...denseTensors(prefix + 'merger.proj', outputWidth, mergeSize * mergeSize * D),
  ]
}

/**
 * The size to which an image is resized: its sides rounded to the nearest multiples of the total stride, scaled only if its area is
 * outside the bounds. Never above maxPixels, however long and thin the image is.
 */
export function fitToStride({ heightPx, widthPx }: Size, stride: number, minPixels: number, maxPixels: number): Size {
  const area = heightPx * widthPx
  const scale = Math.sqrt(Math.min(Math.max(area, minPixels), maxPixels) / area)
  const round = scale > 1 ? Math.ceil : Math.round
  const strides = (px: number) => Math.max(1, round((px * scale) / stride))
  // Rounding up, or a short side of less than one stride, may have made it too large: then reduce the sides.
  const room = Math.floor(maxPixels / (stride * stride))
  const shorter = Math.min(strides(Math.min(heightPx, widthPx)), Math.floor(Math.sqrt(room)))
  const longer = Math.min(strides(Math.max(heightPx, widthPx)), Math.floor(room / shorter))
  const [rows, columns] = heightPx < widthPx ? [shorter, longer] : [longer, shorter]
  return { heightPx: rows * stride, widthPx: columns * stride }
}

/** A std below this is treated as noise: an image of one colour stays flat. */
const leastStd = 1e-3

/** Values minus the mean of their channel, divided by the std of all values. A patch stores its channels one after another. */
export function standardize({ values, valuesPerPatch }: Patches): Float32Array {
  const perChannel = valuesPerPatch / 3
  const sums = [0, 0, 0]
  // Plain loops: callbacks per value took a sixth of the time of a video's frame.
  for (let at = 0; at < values.length; at += perChannel) {
    let sum = sums[(at / perChannel) % 3]!
    for (let i = at; i < at + perChannel; i++) sum += values[i]!
    sums[(at / perChannel) % 3] = sum
  }
  const means = sums.map((sum) => (3 * sum) / values.length)
  const out = new Float32Array(values.length)
  let squares = 0
  for (let at = 0; at < values.length; at += perChannel) {
    const mean = means[(at / perChannel) % 3]!
    for (let i = at; i < at + perChannel; i++) {
      out[i] = values[i]! - mean
      squares += out[i]! * out[i]!
    }
  }
  const scale = Math.sqrt(squares / values.length) + leastStd
  for (let i = 0; i < out.length; i++) out[i] = out[i]! / scale
  return out
}

function bind(config: CasaVitConfig, params: Params): VisionEncoder {
  const { patchSizePx, stemChannels, mergeSize, outputWidth } = config
  const weights = weightsOf(modelType, params, prefix)
  const planOf = trunkPlanner(config, 'rows')
  const positionsOf = cachedByGrid((grid) => sinusoids(grid, config.width))
  const afterStem = (grid: Grid): Grid => stemChannels.reduce(halved, grid)
  const outputGrid = (grid: Grid): Grid => {
    const { rows, columns } = afterStem(grid)
    return { rows: rows / mergeSize, columns: columns / mergeSize }
  }

  /** cells [N, C] of images in row-major order -> [about N / 4, C'] */
  function stage(index: number, cells: Tensor, grids: Grid[]): Tensor {
    const at = `stem.${index}.`
    const taps = packIndices(grids.map(convolutionTaps), grids.map(cellsOf))
    const columns = reshape(gatherRows(cells, taps), [taps.length / tapsPerCell, tapsPerCell * (cells.shape[1] as number)])
    const convolved = dense(weights, at + 'convolution', columns)
    return gelu(rmsNorm(convolved, weights(at + 'norm.weight'), { eps: config.normEps }), { approximate: 'tanh' })
  }

  /** The input cells of the blocks: [N, D]. */
  function embed(cells: Tensor, grids: Grid[]): Tensor {
    const x = dense(weights, 'embed', cells)
    if (!config.absolutePositions) return x
    const table = new Float32Array(x.size)
    let at = 0
    for (const grid of grids) {
      const own = positionsOf(grid)
      table.set(own, at)
      at += own.length
    }
    return add(x, tensor(table, x.shape))
  }

  function encodeWithTaps(images: Patches[], tap?: Tap): Tensor {
    return scope(() => {
      let grids = images.map(({ grid }) => grid)
      let cells = packPatches(modelType, images, 3 * patchSizePx * patchSizePx)
      for (let index = 0; index < stemChannels.length; index++) {
        cells = stage(index, cells, grids)
        grids = grids.map(halved)
      }
      const plan = planOf(grids)
      const units = joinUnits(config, runTrunk(config, weights, embed(cells, grids), plan, tap), weights('merger.norm.weight'))
      return gatherRows(dense(weights, 'merger.proj', units), plan.restore)
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

export const casa_vit = defineVisionEncoder<CasaVitConfig>({
  modelType,
  parseConfig,
  tensors,
  bind,
  process(image: RgbImage, config) {
    const { patchSizePx, minPixels, maxPixels, mean, std } = config
    const { widthPx, heightPx } = fitToStride(image, totalStride(config), minPixels, maxPixels)
    const patches = patchify(resize(image, widthPx, heightPx), { patchSizePx, mergeSize: 1, frames: 1, mean, std })
    return config.standardizeImages ? { ...patches, values: standardize(patches) } : patches
  },
  tinyConfig: () =>
    parseConfig({
      depth: 2,
      hidden_size: 16,
      num_heads: 2,
      intermediate_size: 20,
      patch_size: 2,
      stem_channels: [6],
      absolute_positions: true,
      spatial_merge_size: 2,
      window_size: 16,
      fullatt_block_indexes: [1],
      out_hidden_size: 12,
      max_pixels: 4096,
    }),
})
