/**
 * A backbone for tests of fusions, with random weights and no family around it. It is unlike the families in
 * @casa-js/backbones: layer norms, GELU, biases everywhere, a cache that grows. A fusion that works with both relies only on what the
 * contract guarantees.
 */
import { StateError } from '@casa-js/base'
import type { Backbone, KvCache, Params, Site, Step, TensorTable } from '@casa-js/core'
import {
  add,
  attention,
  clone,
  concat,
  dispose,
  embedding,
  gelu,
  keep,
  layerNorm,
  linear,
  reshape,
  rope,
  ropeTable,
  slice,
  type Tensor,
} from '@casa-js/tensor'
import { randomParams } from './random-params.ts'

export interface TinyBackbone {
  backbone: Backbone
  dispose(): void
}

const [D, H, K, E, F, V] = [24, 4, 2, 8, 40, 31]

const dense = (name: string, out: number, inner: number): TensorTable => [
  { name: name + '.weight', shape: [out, inner], init: { kind: 'fanIn' } },
  { name: name + '.bias', shape: [out], init: { kind: 'zeros' } },
]
const norm = (name: string): TensorTable => [
  { name: name + '.weight', shape: [D], init: { kind: 'ones' } },
  { name: name + '.bias', shape: [D], init: { kind: 'zeros' } },
]
const block = (at: string): TensorTable => [
  ...norm(at + 'norm1'),
  ...dense(at + 'q', H * E, D),
  ...dense(at + 'k', K * E, D),
  ...dense(at + 'v', K * E, D),
  ...dense(at + 'o', D, H * E),
  ...norm(at + 'norm2'),
  ...dense(at + 'up', F, D),
  ...dense(at + 'down', D, F),
]

/**
 * A bound backbone of width 24, 4 heads over 2, 31 tokens. The caller disposes it.
 * @param options.positionRows 3 for multi-section rotary, where an image needs its grid; 1 unless given
 */
export function createTinyBackbone({
  positionRows = 1,
  layers = 2,
}: { positionRows?: 1 | 3; layers?: number } = {}): TinyBackbone {
  const params = randomParams([
    { name: 'embedding', shape: [V, D], init: { kind: 'normal', std: 1 } },
    ...Array.from({ length: layers }, (_, layer) => block(`${layer}.`)).flat(),
    ...norm('last'),
    { name: 'head', shape: [V, D], init: { kind: 'fanIn' } },
  ])
  return { backbone: bind(params, layers, positionRows), dispose: () => dispose(...Object.values(params)) }
}

function bind(params: Params, layers: number, positionRows: 1 | 3): Backbone {
  const projection = (name: string) => ({ weight: params[name + '.weight']!, bias: params[name + '.bias']! })
  const apply = (name: string, x: Tensor) => linear(x, params[name + '.weight']!, params[name + '.bias'])
  const normed = (name: string, x: Tensor) => layerNorm(x, params[name + '.weight']!, params[name + '.bias']!, { eps: 1e-5 })
  const heads = (name: string, x: Tensor, count: number) => reshape(apply(name, x), [x.shape[0]!, count, E])

  const site = (layer: number, step: Step): Site => ({
    layer,
    norm: (x) => normed(`${layer}.norm1`, x),
    project: (x) => ({
      q: heads(`${layer}.q`, x, H),
      k: heads(`${layer}.k`, x, K),
      v: heads(`${layer}.v`, x, K),
    }),
    projectKeys: (x) => ({ k: heads(`${layer}.k`, x, K), v: heads(`${layer}.v`, x, K) }),
    rotate: (x, table) => rope(x, table, { layout: 'half' }),
    attend(x) {
      const { q, k, v } = this.project(x)
      const turned = this.rotate(k, step.rotary)
      const seen = step.cache?.append(layer, turned, v) ?? { k: turned, v }
      const cuK = step.cache ? Int32Array.of(0, step.cache.length + step.tokens) : step.cu
      return this.output(attention(this.rotate(q, step.rotary), seen.k, seen.v, { cuQ: step.cu, cuK, causal: true }))
    },
    output: (x) => apply(`${layer}.o`, reshape(x, [x.shape[0]!, H * E])),
    feedForward: (x) => apply(`${layer}.down`, gelu(apply(`${layer}.up`, normed(`${layer}.norm2`, x)), { approximate: 'none' })),
  })

  return {
    modelType: 'tiny',
    layers,
    width: D,
    heads: H,
    kvHeads: K,
    headSize: E,
    vocabSize: V,
    positionRows,
    head: params.head!,
    selfAttention: (layer) => ({
      q_proj: projection(`${layer}.q`),
      k_proj: projection(`${layer}.k`),
      v_proj: projection(`${layer}.v`),
      o_proj: projection(`${layer}.o`),
    }),
    embed: (ids) => embedding(params.embedding!, ids),
    rotary: (positions) =>
      ropeTable(positions, { headSize: E, theta: 10_000, ...(positionRows === 3 && { sections: [2, 1, 1] }) }),
    layer(index, x, step, fuse = (y, s) => add(y, s.attend(s.norm(y)))) {
      const s = site(index, step)
      const mixed = fuse(x, s)
      return add(mixed, s.feedForward(mixed))
    },
    finalNorm: (x) => normed('last', x),
    logits: (x) => linear(x, params.head!),
    createCache: (capacityTokens) => createGrowingCache(layers, capacityTokens),
  }
}

/** The simplest cache: a layer's rows so far and the new ones, concatenated. `append` returns no spare rows. */
function createGrowingCache(layers: number, capacityTokens: number): KvCache {
  const stored: ({ k: Tensor; v: Tensor } | undefined)[] = Array.from({ length: layers }, () => undefined)
  const extended = (before: Tensor | undefined, length: number, rows: Tensor) =>
    before && length > 0 ? concat([slice(before, [0, 0, 0], [length, K, E]), rows], 0) : clone(rows)
  return {
    capacityTokens,
    length: 0,
    append(layer, k, v) {
      const end = this.length + k.shape[0]!
      if (end > capacityTokens) throw new StateError(`the cache holds ${capacityTokens} tokens and ${end} are needed`)
      const before = stored[layer]
      const next = { k: keep(extended(before?.k, this.length, k)), v: keep(extended(before?.v, this.length, v)) }
      if (before) dispose(before.k, before.v)
      return (stored[layer] = next)
    },
    layer: (index) => stored[index],
    truncate(tokens) {
      if (tokens > this.length) throw new StateError(`cannot truncate a cache of ${this.length} tokens to ${tokens}`)
      this.length = tokens
    },
    dispose() {
      for (const rows of stored) if (rows) dispose(rows.k, rows.v)
    },
  }
}
