/**
 * Streaming state: what a CASA model remembers between forward passes beside the text's KV cache (casa: section 6 of the paper).
 *
 * Per layer the keys and values of the current window: its image, projected once, and its text so far. A new image drops it all,
 * so memory does not grow with the number of images seen.
 */
import type { Backbone, Fuse, Layout, Params, Positions, RotaryTable, Site } from '@casa-js/core'
import { CasaError } from '@casa-js/base'
import { add, attention, dispose, keep, writeRows, zeros, type Tensor } from '@casa-js/tensor'
import { isActive, type CasaConfig } from './config.ts'
import { layerProjections, place } from './layer.ts'
import { asPositions, imagePositions } from './windows.ts'

export interface CasaState {
  /** Forget the window and start one with these images, encoded: [sum of tokens, D]; undefined: a window without an image. */
  startWindow(images?: { features: Tensor; slots: Layout['images'] }): void
  /** The hook for one pass over `tokens` text tokens, all of the current window. Call `advance` after all layers have run. */
  fuse(tokens: number): Fuse
  advance(tokens: number): void
  /** Text tokens of the current window. */
  readonly windowTokens: number
  dispose(): void
}

export interface CasaStateOptions {
  /** Most text tokens of one window. */
  textCapacityTokens: number
  /** Most image tokens of one window. */
  imageCapacityTokens: number
}

interface LayerBuffers {
  k: Tensor
  v: Tensor
}

export function createCasaState(
  config: CasaConfig,
  params: Params,
  backbone: Backbone,
  { textCapacityTokens, imageCapacityTokens }: CasaStateOptions,
): CasaState {
  const withText = config.keys === 'image+text'
  const capacity = imageCapacityTokens + (withText ? textCapacityTokens : 0)
  const allocate = () => keep(zeros([capacity, backbone.kvHeads, backbone.headSize]))
  const buffers = new Map<number, LayerBuffers>()
  for (let layer = 0; layer < backbone.layers; layer++) {
    if (isActive(config, layer)) buffers.set(layer, { k: allocate(), v: allocate() })
  }
  let images: { features: Tensor; rotary?: RotaryTable } | undefined
  let imageTokens = 0
  let firstTextPosition = 0
  let windowTokens = 0
  /** Layers whose image keys are written. Images are projected when their layer first runs. */
  const written = new Set<number>()

  function dropImages() {
    if (images) dispose(images.features, images.rotary?.cos, images.rotary?.sin)
    images = undefined
  }

  function writeImages(layer: ReturnType<typeof layerProjections>, site: Site) {
    if (!images || written.has(site.layer)) return
    const { features, rotary } = images
    const { k, v } = layer.projectKeys(config.normImages ? site.norm(features) : features)
    const buffer = buffers.get(site.layer)!
    writeRows(buffer.k, rotary ? site.rotate(k, rotary) : k, 0)
    writeRows(buffer.v, v, 0)
    written.add(site.layer)
  }

  /** Push the images on through the block, once a window. */
  function updateImages(site: Site) {
    if (!images) return
    const next = keep(add(images.features, site.feedForward(images.features)))
    dispose(images.features)
    images.features = next
  }

  return {
    get windowTokens() {
      return windowTokens
    },
    startWindow(given) {
      dropImages()
      written.clear()
      windowTokens = 0
      const { rows, next } = imagePositions(given?.slots ?? [], backbone.positionRows)
      imageTokens = rows[0]!.length
      firstTextPosition = next
      if (imageTokens > imageCapacityTokens) {
        throw new CasaError(
          `the window has ${imageTokens} image tokens and room for ${imageCapacityTokens}: raise imageCapacityTokens`,
        )
      }
      if (!given || imageTokens === 0) return
      const rotary = withText ? backbone.rotary(asPositions(rows, backbone.positionRows)) : undefined
      images = {
        features: keep(given.features.clone()),
        ...(rotary && { rotary: { cos: keep(rotary.cos), sin: keep(rotary.sin) } }),
      }
    },
    fuse(tokens) {
      if (withText && windowTokens + tokens > textCapacityTokens) {
        throw new CasaError(
          `the window has ${windowTokens + tokens} text tokens and room for ${textCapacityTokens}: raise textCapacityTokens`,
        )
      }
      const firstPass = windowTokens === 0
      const positions = Int32Array.from({ length: tokens }, (_, t) => firstTextPosition + windowTokens + t)
      const rotary = withText && backbone.rotary(positions as Positions)
      const cuQ = Int32Array.of(0, tokens)
      return (x, site) => {
        const cross = (normed: Tensor) => {
          if (!withText && imageTokens === 0) return undefined
          const layer = layerProjections(config, params, backbone, site)
          const buffer = buffers.get(site.layer)!
          writeImages(layer, site)
          const { q, k, v } = layer.project(normed)
          if (!rotary)
            return layer.output(attention(q, buffer.k, buffer.v, { cuQ, cuK: Int32Array.of(0, imageTokens), causal: false }))
          const begin = imageTokens + windowTokens
          writeRows(buffer.k, site.rotate(k, rotary), begin)
          writeRows(buffer.v, v, begin)
          const cuK = Int32Array.of(0, begin + tokens)
          return layer.output(attention(site.rotate(q, rotary), buffer.k, buffer.v, { cuQ, cuK, causal: true }))
        }
        const out = place(config, x, site, cross)
        if (config.ffnUpdates && firstPass) updateImages(site)
        return out
      }
    },
    advance(tokens) {
      windowTokens += tokens
      if (tokens > 0) dropImages()
    },
    dispose() {
      dropImages()
      for (const { k, v } of buffers.values()) dispose(k, v)
    },
  }
}
