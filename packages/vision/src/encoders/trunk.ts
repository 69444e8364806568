/**
 * The transformer blocks shared by our vision encoders, as in Qwen2.5-VL (arXiv 2502.13923, section 2.1.1): RMS norm before attention
 * and before the feed-forward layer, 2-D rotary positions, attention within windows or within the whole image, SwiGLU, biases in all
 * linear layers.
 *
 *   x = x + proj(attention(rotate(q), rotate(k), v))    q, k, v = qkv(norm1 x)
 *   x = x + down(silu(gate n) * up n)                   n = norm2 x
 *
 * Letters: N cells of all images, D width, H heads, E head size. Cells are in the order of tables/order.ts.
 */
import { CasaError } from '@casa-js/base'
import { type Init, type Params, type TensorSpec, type TensorTable } from '@casa-js/core'
import {
  add,
  addRmsNorm,
  attention,
  block,
  dispose,
  gatherRows,
  gatedLinear,
  linear,
  reshape,
  rmsNorm,
  rope,
  ropeTable,
  scope,
  slice,
  type Tensor,
} from '@casa-js/tensor'
import { boundariesOf, cachedByGrid, cellsOf, joinIntegers, packIndices, type Grid } from '../tables/grid.ts'
import { cellOrder, type CellOrder } from '../tables/order.ts'

export interface TrunkConfig {
  depth: number
  /** D */
  width: number
  /** H */
  heads: number
  /** Width of the feed-forward layer. */
  intermediateSize: number
  /** Side, in cells, of the units that the merger joins. */
  mergeSize: number
  /** Side of a window in units; 0: every block attends within the whole image. */
  windowUnits: number
  /** Indices of the blocks that attend within the whole image. */
  fullBlocks: number[]
  theta: number
  normEps: number
}

/** Index tables for a pass over packed images. */
export interface TrunkPlan {
  /** [N] for gatherRows: from input order to the order of the blocks. */
  order: Int32Array
  /** [units] for gatherRows: from merged units in the order of the blocks to row-major order. */
  restore: Int32Array
  windows: Int32Array
  images: Int32Array
  /** [N] */
  rows: Int32Array
  columns: Int32Array
}

/** Called with every block's output, [N, D] in the order of the blocks; keep() what must outlive the pass. */
export type Tap = (name: string, value: Tensor) => void

/** A module's weights under their checkpoint names without the prefix. */
export type Weights = (suffix: string) => Tensor

export function weightsOf(modelType: string, params: Params, prefix: string): Weights {
  return (suffix) => {
    const tensor = params[prefix + suffix]
    if (!tensor) throw new CasaError(`${modelType}: weight ${prefix}${suffix} was not given`)
    return tensor
  }
}

const layerOf = (weights: Weights, name: string) => ({ weight: weights(name + '.weight'), bias: weights(name + '.bias') })

/** x [..,I] through the linear layer `name`, [..,O]. */
export function dense(weights: Weights, name: string, x: Tensor): Tensor {
  const { weight, bias } = layerOf(weights, name)
  return linear(x, weight, bias)
}

/** Weight [out, in] and bias of a linear layer. */
export function denseTensors(name: string, out: number, inner: number, init: Init = { kind: 'fanIn' }): TensorTable {
  return [
    { name: name + '.weight', shape: [out, inner], init },
    { name: name + '.bias', shape: [out], init: { kind: 'zeros' } },
  ]
}

export const normTensor = (name: string, width: number): TensorSpec => ({
  name: name + '.weight',
  shape: [width],
  init: { kind: 'ones' },
})

export function trunkTensors({ depth, width: D, intermediateSize: F }: TrunkConfig, prefix: string): TensorTable {
  // Every block adds to the residual stream twice; its variance should not grow with depth.
  const writer: Init = { kind: 'fanIn', gain: 1 / Math.sqrt(2 * depth) }
  return Array.from({ length: depth }, (_, i) => {
    const at = `${prefix}blocks.${i}.`
    return [
      normTensor(at + 'norm1', D),
      normTensor(at + 'norm2', D),
      ...denseTensors(at + 'attn.qkv', 3 * D, D),
      ...denseTensors(at + 'attn.proj', D, D, writer),
      ...denseTensors(at + 'mlp.gate_proj', F, D),
      ...denseTensors(at + 'mlp.up_proj', F, D),
      ...denseTensors(at + 'mlp.down_proj', D, F, writer),
    ]
  }).flat()
}

/** @param source the input order: 'units' as patchify writes them with this mergeSize, 'rows' for row-major order */
export function trunkPlanner({ mergeSize, windowUnits }: TrunkConfig, source: 'units' | 'rows'): (grids: Grid[]) => TrunkPlan {
  const orderOf = cachedByGrid((grid) => cellOrder(grid, mergeSize, windowUnits))
  return (grids) => {
    const orders = grids.map(orderOf)
    const cells = grids.map(cellsOf)
    const units = cells.map((n) => n / (mergeSize * mergeSize))
    const all = (pick: (order: CellOrder) => Int32Array) => orders.map(pick)
    return {
      order: packIndices(all(source === 'units' ? (o) => o.inUnits : (o) => o.inRows), cells),
      restore: packIndices(
        all((o) => o.restore),
        units,
      ),
      windows: boundariesOf(orders.flatMap((o) => o.windows)),
      images: boundariesOf(cells),
      rows: joinIntegers(all((o) => o.rows)),
      columns: joinIntegers(all((o) => o.columns)),
    }
  }
}

/** Runs all blocks. cells [N, D], in the plan's input order -> [N, D], in the order of the blocks. */
export function runTrunk(config: TrunkConfig, weights: Weights, cells: Tensor, plan: TrunkPlan, tap?: Tap): Tensor {
  const { depth, width: D, heads: H, normEps: eps } = config
  const N = cells.shape[0]
  const E = D / H
  const rotary = ropeTable([plan.rows, plan.columns], {
    headSize: E,
    theta: config.theta,
    sections: [E / 4, E / 4],
    restart: true,
  })

  function attend(at: string, normed: Tensor, cu: Int32Array): Tensor {
    const qkv = dense(weights, at + 'attn.qkv', normed) // [N, 3 D]
    const [q, k, v] = [0, 1, 2].map((part) => reshape(slice(qkv, [0, part * D], [N, D]), [N, H, E])) as [Tensor, Tensor, Tensor]
    const turn = (x: Tensor) => rope(x, rotary, { layout: 'half' })
    const mixed = attention(turn(q), turn(k), v, { cuQ: cu, cuK: cu, causal: false })
    return dense(weights, at + 'attn.proj', reshape(mixed, [N, D]))
  }

  function feedForward(at: string, normed: Tensor): Tensor {
    const hidden = gatedLinear(normed, layerOf(weights, at + 'mlp.gate_proj'), layerOf(weights, at + 'mlp.up_proj'))
    return dense(weights, at + 'mlp.down_proj', hidden)
  }

  let x = gatherRows(cells, plan.order)
  for (let i = 0; i < depth; i++) {
    const at = `blocks.${i}.`
    const cu = config.fullBlocks.includes(i) ? plan.images : plan.windows
    const input = x
    x = block(() =>
      scope(() => {
        const attended = attend(at, rmsNorm(input, weights(at + 'norm1.weight'), { eps }), cu)
        const { sum, normed } = addRmsNorm(input, attended, weights(at + 'norm2.weight'), { eps })
        return add(sum, feedForward(at, normed))
      }),
    )
    if (!tap) dispose(input)
    tap?.(`vision.${i}`, x)
  }
  return x
}

/** Normalises the cells and concatenates those of each unit: [N, D] -> [N / mergeSize^2, mergeSize^2 D]. */
export function joinUnits({ mergeSize, width, normEps }: TrunkConfig, cells: Tensor, norm: Tensor): Tensor {
  const joined = mergeSize * mergeSize * width
  return reshape(rmsNorm(cells, norm, { eps: normEps }), [cells.size / joined, joined])
}
