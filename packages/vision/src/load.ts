/** Loads an image from a path, a URL or a Blob. */
import type { RgbImage } from '@casa-js/core'
import { readBytes } from '#platform'
import { decodeImage, defaultMaxPixels, type DecodeOptions } from './decode.ts'

export interface LoadImageOptions extends DecodeOptions {
  /** Reject files of more bytes. Default: `defaultMaxBytes`. */
  maxBytes?: number
  signal?: AbortSignal
}

/** The size of the largest allowed image without compression: 268 million bytes. */
export const defaultMaxBytes = 3 * defaultMaxPixels

/**
 * Read and decode an image, as `decodeImage` does: from a path (in Node), a URL (http, data or file; in a page also relative) or a
 * Blob. Anything but a regular file (a FIFO, `/dev/zero`) and files larger than `maxBytes` are rejected at once.
 * @throws ImageError naming the source; the signal's reason when it aborts.
 */
export async function loadImage(source: string | URL | Blob, options: LoadImageOptions = {}): Promise<RgbImage> {
  const { maxBytes = defaultMaxBytes, signal, name = nameOf(source), ...rest } = options
  return decodeImage(await readBytes(source, { maxBytes, signal, name }), { ...rest, name })
}

/** Shortened for error messages: a data URL may be megabytes long. */
function nameOf(source: string | URL | Blob): string {
  if (source instanceof Blob) return source instanceof File ? source.name : 'image'
  const text = String(source)
  return text.startsWith('data:') ? 'data URL' : text
}
