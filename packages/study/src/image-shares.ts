/**
 * The mechanism: how much of a CASA layer's softmax lies on the picture, by layer and by kind of token. One softmax over image and text is
 * the paper's gate (arXiv 2512.19535, section 3.2), so its share on the image is how far the gate is open.
 */
import type { EncodedSample } from '@casa-js/core'
import { createSession, type LayerAttention, type Vlm } from '@casa-js/vlm'

/** What a text token is, in a conversation. */
export type TokenKind = 'mark' | 'question' | 'answer-start' | 'answer' | 'answer-end'

/** One token's share in one layer, the mean over heads. */
export interface ImageShare {
  kind: TokenKind
  /** The block, from 0. */
  layer: number
  /** Sum of the weights on image tokens, 0 to 1. */
  share: number
  /** What it would be if all keys weighed the same: image tokens over image tokens and text. */
  evenly: number
}

/**
 * Reads a conversation token by token, as an answer is decoded.
 *
 * @param sample the encoded conversation, its answers included
 * @returns a row for every layer with a softmax of its own over images, and every token whose window has a picture. None for token insertion.
 */
export async function imageShares(vlm: Pick<Vlm, 'model' | 'tokenizer'>, sample: EncodedSample): Promise<ImageShare[]> {
  const { ids, images } = sample
  const { model } = vlm
  const session = createSession(model, { capacityTokens: ids.length + images.length * 1024 })
  const kinds = kindsOf(vlm, sample)
  const rows: ImageShare[] = []
  try {
    let begin = 0
    for (let next = 0; begin < ids.length;) {
      // Marks in front of a picture belong to one window with it, so they are read together.
      const slot = images[next]
      const end = slot && (slot.from ?? slot.before) <= begin ? slot.before + 1 : begin + 1
      const here = images.filter(({ before }) => before >= begin && before < end)
      next += here.length
      let seen: LayerAttention[] = []
      await session.append(
        {
          ids: ids.subarray(begin, end),
          images: here.map(({ image, before, from }) => ({
            image,
            before: before - begin,
            ...(from !== undefined && { from: from - begin }),
          })),
        },
        { onAttention: (layers) => void (seen = layers) },
      )
      for (const { layer, image, text, imageShare } of seen)
        if (image.length > 0)
          rows.push({ kind: kinds[end - 1]!, layer, share: imageShare, evenly: image.length / (image.length + text.length) })
      begin = end
    }
    return rows
  } finally {
    session.dispose()
  }
}

function kindsOf({ tokenizer }: Pick<Vlm, 'tokenizer'>, { ids, answer }: EncodedSample): TokenKind[] {
  const special = new Set([...tokenizer.specialTokens.values()].map(({ id }) => id))
  return [...ids].map((id, t) => {
    if (answer[t]) {
      if (special.has(id)) return 'answer-end'
      return answer[t - 1] ? 'answer' : 'answer-start'
    }
    return special.has(id) ? 'mark' : 'question'
  })
}

export interface ShareSummary {
  kind: TokenKind
  layer: number
  share: number
  evenly: number
  tokens: number
}

/** Means by kind and layer, in that order. */
export function summariseShares(rows: readonly ImageShare[]): ShareSummary[] {
  const groups = new Map<string, ImageShare[]>()
  for (const row of rows) groups.set(`${row.kind} ${row.layer}`, [...(groups.get(`${row.kind} ${row.layer}`) ?? []), row])
  const order: TokenKind[] = ['mark', 'question', 'answer-start', 'answer', 'answer-end']
  return [...groups.values()]
    .map((group) => {
      const mean = (of: 'share' | 'evenly'): number => group.reduce((sum, row) => sum + row[of], 0) / group.length
      const { kind, layer } = group[0]!
      return { kind, layer, share: mean('share'), evenly: mean('evenly'), tokens: group.length }
    })
    .toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || a.layer - b.layer)
}
