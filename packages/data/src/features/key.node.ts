/** Keys of cached features: equal for the same pixels and the same encoder, different otherwise. */
import { createHash } from 'node:crypto'
import type { RgbImage } from '@casa-js/core'

/**
 * The key under which a picture's features are cached.
 *
 * @param picture its pixels; where they came from does not matter
 * @param encoder what the features depend on besides: a hash of the encoder's weights and of its preprocessing
 * @returns 64 hex digits
 */
export function featureKey({ widthPx, heightPx, data }: RgbImage, encoder: string): string {
  return createHash('sha256').update(`${widthPx} ${heightPx} ${encoder}\0`).update(data).digest('hex')
}
