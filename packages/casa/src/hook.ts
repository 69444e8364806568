/**
 * The CASA layer over one pass: text that continues a window of an earlier pass, and windows that begin in this one.
 *
 *     earlier passes   i i a b          the state: keys and values of the current window, image first, one buffer per layer
 *     this pass        c d | j j e f    c d: continued, they see i i a b c d;   e f: a fresh window, they see j j e f
 *
 * A pass over a packed batch, as in training, has only fresh windows.
 */
import type { Backbone, Fuse, FusionState, Heads, Layout, Params, SequencePiece, Site } from '@casa-js/core'
import { add, attention, concat, gatherRows, reshape, slice, writeRows, zeros, type Tensor } from '@casa-js/tensor'
import type { CasaConfig } from './config.ts'
import { layerProjections, place } from './layer.ts'
import { scoresOf } from './scores.ts'
import { imagePositions, planWindows, windowSpans } from './windows.ts'

export type CasaState = FusionState<{
  /** Of the current window. */
  imageTokens: number
  textTokens: number
  /** Position of its next text token. */
  nextPosition: number
}>

export const noWindow: CasaState = { values: { imageTokens: 0, textTokens: 0, nextPosition: 0 }, tensors: {} }

/** A new window's buffer has at least so many rows to spare, enough for a caption, and its rows are a multiple of 64: few different sizes. */
const SPARE_ROWS = 32
const roomyRows = (rows: number) => 64 * Math.ceil((rows + SPARE_ROWS) / 64)

interface Bound {
  config: CasaConfig
  params: Params
  backbone: Backbone
}

type Keys = Pick<Heads, 'k' | 'v'>

/** Rows [begin, end) of x, with `more` rows of zeros behind them. */
function rowsOf(x: Tensor, begin: number, end: number, more = 0): Tensor {
  if (more === 0 && begin === 0 && end === x.shape[0]) return x
  return gatherRows(
    x,
    Int32Array.from({ length: end - begin + more }, (_, i) => (begin + i < end ? begin + i : -1)),
  )
}

const part = (x: Tensor, begin: number, end: number) =>
  begin === 0 && end === x.shape[0] ? x : slice(x, [begin, 0, 0], [end - begin, x.shape[1]!, x.shape[2]!])

/** The layout from text token `begin` on, of one sample. */
function layoutFrom({ tokens, cu, images }: Layout, begin: number): Layout {
  if (begin === 0) return { tokens, cu, images }
  return {
    tokens: tokens - begin,
    cu: Int32Array.of(0, tokens - begin),
    images: images.map((slot) => ({
      ...slot,
      before: slot.before - begin,
      // If windows begin at the image, its marker tokens may belong to the previous window.
      ...(slot.from !== undefined && { from: Math.max(0, slot.from - begin) }),
    })),
  }
}

/**
 * Plans one pass.
 * @param given.state the state after the earlier pass; without it, this pass is independent and produces no state.
 * @param given.spare tensors of an earlier state: a new window is written into them where it fits
 * @returns the hook, and the next state once every block has run
 */
export function createHook(
  { config, params, backbone }: Bound,
  layout: Layout,
  images: Tensor | undefined,
  { state, spare, onAttention }: { state?: CasaState } & Partial<Pick<SequencePiece, 'spare' | 'onAttention'>> = {},
): { fuse: Fuse; next(): CasaState } {
  const { kvHeads: K, headSize: E, positionRows } = backbone
  const withText = config.keys === 'image+text'
  const onlyWithImages = !withText || !config.textWindows
  const { imageTokens, textTokens, nextPosition } = (state ?? noWindow).values
  const spans = windowSpans(layout, config.windows)
  const isFresh = imageTokens + textTokens === 0
  const opening = spans[0]
  const continued = !isFresh && opening && opening.imageBegin === opening.imageEnd ? opening.textEnd : 0
  const fresh = layoutFrom(layout, continued)
  const windows = planWindows(fresh, positionRows, config.windows)
  /** Those of a single window are: image first, then text. */
  const inOrder = windows.order.every((row, i) => row === i)
  const held = imageTokens + (withText ? textTokens : 0)
  const tables = config.rotary && {
    continued: continued > 0 && backbone.rotary(Int32Array.from({ length: continued }, (_, t) => nextPosition + t)),
    query: fresh.tokens > 0 && backbone.rotary(windows.queryPositions),
    key: withText ? fresh.tokens > 0 && backbone.rotary(windows.keyPositions) : images && backbone.rotary(windows.imagePositions),
  }
  const rotate = (site: Site, heads: Tensor, which: 'continued' | 'query' | 'key'): Tensor => {
    const table = tables && tables[which]
    return table ? site.rotate(heads, table) : heads
  }
  /** Tensors of the state after this pass. */
  const tensors: Record<string, Tensor> = {}
  let y = images

  function attendContinued(site: Site, { q, k, v }: Heads): Tensor {
    const names = [`k.${site.layer}`, `v.${site.layer}`] as const
    const [heldK, heldV] = names.map((name) => state!.tensors[name])
    if (onlyWithImages && imageTokens === 0) return zeros(q.shape)
    const cuQ = Int32Array.of(0, continued)
    const queries = rotate(site, q, 'continued')
    if (!withText) {
      if (!heldK || !heldV) return zeros(q.shape)
      if (fresh.tokens === 0) tell(site, queries, heldK, 0, imageTokens)
      return attention(queries, heldK, heldV, { cuQ, cuK: Int32Array.of(0, imageTokens), causal: false })
    }
    const end = held + continued
    const roomy = (buffer: Tensor) => (end <= buffer.shape[0]! ? buffer : rowsOf(buffer, 0, held, roomyRows(2 * end) - held))
    const keys = { k: roomy(heldK!), v: roomy(heldV!) }
    writeRows(keys.k, rotate(site, k, 'continued'), held)
    writeRows(keys.v, v, held)
    remember(site, keys)
    if (fresh.tokens === 0) tell(site, queries, keys.k, 0, end)
    return attention(queries, keys.k, keys.v, { cuQ, cuK: Int32Array.of(0, end), causal: true })
  }

  function attendFresh(site: Site, { q, k, v }: Heads, seen: Keys | undefined): Tensor {
    const { cuText, cuImage, cuKeys, order } = windows
    const queries = rotate(site, q, 'query')
    if (!withText) {
      if (!seen) return zeros(q.shape)
      const keys = { k: rotate(site, seen.k, 'key'), v: seen.v }
      rememberLast(site, keys, cuImage)
      tell(site, queries, keys.k, cuImage.at(-2)!, cuImage.at(-1)!)
      return attention(queries, keys.k, keys.v, { cuQ: cuText, cuK: cuImage, causal: false })
    }
    /** [images, then text] -> windows, one after another. */
    const interleave = (imageRows: Tensor | undefined, textRows: Tensor) => {
      const flat = reshape(textRows, [fresh.tokens, K * E])
      const all = imageRows ? concat([reshape(imageRows, [imageRows.shape[0]!, K * E]), flat], 0) : flat
      return reshape(inOrder ? all : gatherRows(all, order), [order.length, K, E])
    }
    const keys = { k: rotate(site, interleave(seen?.k, k), 'key'), v: interleave(seen?.v, v) }
    rememberLast(site, keys, cuKeys)
    tell(site, queries, keys.k, cuKeys.at(-2)!, cuKeys.at(-1)!)
    return attention(queries, keys.k, keys.v, { cuQ: cuText, cuK: cuKeys, causal: true })
  }

  /** Report the attention scores of the last text token over keys [begin, end), if requested. */
  function tell(site: Site, q: Tensor, k: Tensor, begin: number, end: number) {
    if (!onAttention || end === begin) return
    const { imageTokens: count } = next().values
    onAttention({ layer: site.layer, scores: scoresOf(q, k, begin, end), imageTokens: count })
  }

  function remember(site: Site, { k, v }: Keys) {
    tensors[`k.${site.layer}`] = k
    tensors[`v.${site.layer}`] = v
  }

  /** Later passes continue from the keys of the last window. */
  function rememberLast(site: Site, { k, v }: Keys, cu: Int32Array) {
    if (!state) return
    const [begin, end] = [cu.at(-2)!, cu.at(-1)!]
    if (end === begin) return
    const held = (name: 'k' | 'v', x: Tensor) => {
      const old = spare?.[`${name}.${site.layer}`]
      const rows = withText ? roomyRows(end - begin) : end - begin
      // With less than half the room that a new one has at least, it would soon be full.
      const needed = end - begin + (withText ? SPARE_ROWS / 2 : 0)
      if (!old || old.shape[0]! < needed) return rowsOf(x, begin, end, rows - (end - begin))
      writeRows(old, part(x, begin, end), 0)
      return old
    }
    remember(site, { k: held('k', k), v: held('v', v) })
  }

  /** Text tokens whose window has an image, -1 for the others; undefined if all windows have one. */
  function rowsThatSee(): Int32Array | undefined {
    const sees = Int32Array.from({ length: layout.tokens }, (_, t) => t)
    for (const { textBegin, textEnd, imageBegin, imageEnd } of spans) {
      if (imageEnd === imageBegin && !(textBegin === 0 && continued > 0 && imageTokens > 0)) sees.fill(-1, textBegin, textEnd)
    }
    return sees.includes(-1) ? sees : undefined
  }

  function cross(normed: Tensor, site: Site): Tensor | undefined {
    if (onlyWithImages && !y && !(continued > 0 && imageTokens > 0)) return undefined
    const layer = layerProjections(config, params, backbone, site)
    const seen = y && layer.projectKeys(config.normImages ? site.norm(y) : y)
    const heads = layer.project(normed)
    const rows = (begin: number, end: number): Heads => ({
      q: part(heads.q, begin, end),
      k: part(heads.k, begin, end),
      v: part(heads.v, begin, end),
    })
    const parts: Tensor[] = []
    if (continued > 0) parts.push(attendContinued(site, rows(0, continued)))
    if (fresh.tokens > 0) parts.push(attendFresh(site, rows(continued, layout.tokens), seen))
    const out = layer.output(parts.length === 1 ? parts[0]! : concat(parts, 0))
    // A text token without an image gets nothing from the layer, not even the bias of the output projection.
    const sees = withText ? onlyWithImages && rowsThatSee() : backbone.selfAttention(site.layer).o_proj.bias && rowsThatSee()
    return sees ? gatherRows(out, sees) : out
  }

  const fuse: Fuse = (x, site) => {
    const out = place(config, x, site, (normed) => cross(normed, site))
    if (config.ffnUpdates && y) y = add(y, site.feedForward(y))
    return out
  }

  function next(): CasaState {
    const last = spans.at(-1)
    if (!last) return state ?? noWindow
    if (last.textEnd === continued) {
      const values = { imageTokens, textTokens: textTokens + continued, nextPosition: nextPosition + continued }
      return { values, tensors: withText ? tensors : state!.tensors }
    }
    const slots = layout.images.slice(last.imageBegin, last.imageEnd)
    const length = last.textEnd - last.textBegin
    const values = {
      imageTokens: slots.reduce((sum, { tokens }) => sum + tokens, 0),
      textTokens: length,
      nextPosition: imagePositions(slots, positionRows).next + length,
    }
    return { values, tensors }
  }

  return { fuse, next }
}
