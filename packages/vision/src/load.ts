/** From where a picture is to its pixels. */
import type { RgbImage } from '@casa-js/core'
import { readBytes } from '#platform'
import { decodeImage, defaultMaxPixels, type DecodeOptions } from './decode.ts'

export interface LoadImageOptions extends DecodeOptions {
  /** Refuse files of more bytes. Default: `defaultMaxBytes`. */
  maxBytes?: number
  signal?: AbortSignal
}

/** As many bytes as the largest picture allowed has without compression: 268 million. */
export const defaultMaxBytes = 3 * defaultMaxPixels

/**
 * Read and decode a picture, as `decodeImage` does: from a path (in Node), a URL (of http, data or file; in a page also relative
 * to it) or a Blob. What is no regular file (a FIFO, `/dev/zero`) and what is larger than `maxBytes` is refused at once.
 * @throws ImageError naming the source; the signal's reason when it aborts.
 */
export async function loadImage(source: string | URL | Blob, options: LoadImageOptions = {}): Promise<RgbImage> {
  const { maxBytes = defaultMaxBytes, signal, name = nameOf(source), ...rest } = options
  return decodeImage(await readBytes(source, { maxBytes, signal, name }), { ...rest, name })
}

/** Short for messages: a data URL may be megabytes. */
function nameOf(source: string | URL | Blob): string {
  if (source instanceof Blob) return source instanceof File ? source.name : 'image'
  const text = String(source)
  return text.startsWith('data:') ? 'data URL' : text
}
