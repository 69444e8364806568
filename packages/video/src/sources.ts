/** Handling of Blobs and URLs, shared by both platforms. */
import { defaultMaxBytes } from '@casa-js/vision'
import { readBytes } from '@casa-js/vision/internal'
import { isPicture } from './pictures.ts'
import type { ReelOptions } from './reel.ts'
import { VideoError } from './errors.ts'

/** Number of first bytes needed to tell an image from a video. */
const startBytes = 512

/** Attempts before giving up on a server that does not respond. */
const mostTries = 3

export const urlOptions = {
  getRetryDelay: (previousAttempts: number) => (previousAttempts < mostTries ? 0.25 * 2 ** previousAttempts : null),
}

/**
 * The bytes of an image, within the size limit of images.
 * @throws ImageError when it is larger, or cannot be read.
 */
export const readPicture = (source: string | URL | Blob, { name, signal }: ReelOptions): Promise<Uint8Array> =>
  readBytes(source, { maxBytes: defaultMaxBytes, name, signal })

/** The bytes of a Blob if it is an image, else undefined. */
export async function blobAsPicture(blob: Blob, options: ReelOptions): Promise<Uint8Array | undefined> {
  const start = new Uint8Array(await blob.slice(0, startBytes).arrayBuffer())
  return isPicture(start) ? readPicture(blob, options) : undefined
}

/**
 * The content of a URL if it is an image, else undefined.
 * @throws VideoError when the server does not respond or returns an error.
 */
export async function urlAsPicture(url: URL, options: ReelOptions): Promise<Uint8Array | undefined> {
  const { name, signal } = options
  const response = await fetch(url, { headers: { range: `bytes=0-${startBytes - 1}` }, signal }).catch((cause: unknown) => {
    signal.throwIfAborted()
    throw new VideoError(`${name}: no answer; check the address and the connection`, { cause })
  })
  if (!response.ok) {
    await response.body?.cancel()
    throw new VideoError(`${name}: the server answered ${response.status} ${response.statusText}`)
  }
  const reader = response.body!.getReader()
  const { value = new Uint8Array() } = await reader.read()
  await reader.cancel()
  return isPicture(value) ? readPicture(url, options) : undefined
}
