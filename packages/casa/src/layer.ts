/**
 * A CASA layer's weights, their initial values, its projections, and its place in the block.
 */
import { CasaError } from '@casa-js/base'
import type { Backbone, Heads, Params, Site, TensorTable } from '@casa-js/core'
import { add, linear, reshape, shapeOf, type Tensor } from '@casa-js/tensor'
import { isActive, type CasaConfig } from './config.ts'

const projections = ['q_proj', 'k_proj', 'v_proj', 'o_proj'] as const
export type ProjectionName = (typeof projections)[number]

/** The added weights: in every active block, shaped like its self-attention. None when shared. */
export function casaTensors(config: CasaConfig, backbone: Backbone): TensorTable {
  const table: TensorTable = []
  for (let layer = 0; layer < backbone.layers; layer++) {
    if (config.shared || !isActive(config, layer)) continue
    const own = backbone.selfAttention(layer)
    for (const name of projections) {
      const at = `casa.layers.${layer}.${name}`
      table.push({ name: at + '.weight', shape: shapeOf(own[name].weight), init: { kind: 'fanIn' } })
      if (own[name].bias) table.push({ name: at + '.bias', shape: own[name].bias.shape, init: { kind: 'zeros' } })
    }
  }
  return table
}

/** The initial value of each added weight: that of the block's own self-attention (section 3.3). Name of the added tensor -> tensor to copy. */
export function casaInitialisers(config: CasaConfig, backbone: Backbone): Map<string, Tensor> {
  const sources = new Map<string, Tensor>()
  for (const { name } of casaTensors(config, backbone)) {
    const [, , layer, projection, kind] = name.split('.')
    const { weight, bias } = backbone.selfAttention(Number(layer))[projection as ProjectionName]
    sources.set(name, kind === 'bias' ? bias! : weight)
  }
  return sources
}

/** The projections of one block's CASA layer: its own, or the block's if shared. */
export interface LayerProjections {
  project(normed: Tensor): Heads
  projectKeys(images: Tensor): Pick<Heads, 'k' | 'v'>
  output(heads: Tensor): Tensor
}

export function layerProjections(config: CasaConfig, params: Params, backbone: Backbone, site: Site): LayerProjections {
  if (config.shared) return site
  const { heads, kvHeads, headSize } = backbone
  const dense = (name: ProjectionName, x: Tensor) => {
    const at = `casa.layers.${site.layer}.${name}`
    if (!params[at + '.weight']) throw new CasaError(`casa: weight ${at}.weight was not given`)
    return linear(x, params[at + '.weight']!, params[at + '.bias'])
  }
  const split = (name: ProjectionName, x: Tensor, count: number) => reshape(dense(name, x), [x.shape[0], count, headSize])
  const projectKeys = (x: Tensor) => ({ k: split('k_proj', x, kvHeads), v: split('v_proj', x, kvHeads) })
  return {
    project: (normed) => ({ q: split('q_proj', normed, heads), ...projectKeys(normed) }),
    projectKeys,
    output: (x) => dense('o_proj', reshape(x, [x.shape[0], heads * headSize])),
  }
}

/** Adds a layer's result at the place that the config gives. `cross` takes normed input and returns undefined if no token sees an image. */
export function place(config: CasaConfig, x: Tensor, site: Site, cross: (normed: Tensor) => Tensor | undefined): Tensor {
  const plus = (sum: Tensor, term: Tensor | undefined) => (term ? add(sum, term) : sum)
  const normed = site.norm(x)
  if (!isActive(config, site.layer)) return add(x, site.attend(normed))
  if (config.place === 'replace') return plus(x, cross(normed))
  if (config.place === 'parallel') return plus(add(x, site.attend(normed)), cross(normed))
  const first = plus(x, cross(normed))
  return add(first, site.attend(site.norm(first)))
}
