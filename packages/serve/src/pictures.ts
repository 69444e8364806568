/** Decodes the images in a request's messages: data URLs, and http(s) URLs if allowed. */
import type { Message, RgbImage } from '@casa-js/base'
import { decodeImage, ImageError } from '@casa-js/vision'
import { RequestError } from './errors.ts'
import type { RequestMessage } from './request.ts'

/** @returns the bytes of an image at an http(s) URL. @throws RequestError saying why not */
export type FetchPicture = (url: string, signal: AbortSignal) => Promise<Uint8Array>

/** How images are read. */
export interface PictureOptions {
  /** Largest total number of pixels of a request's images. */
  maxPixels: number
  /** Fetches http(s) URLs; without it they are rejected. */
  fetchPicture?: FetchPicture | undefined
}

/**
 * Decode the images of some messages, one after another.
 * @returns the messages with pixels in place of URLs
 * @throws RequestError naming the field of an image that cannot be read
 */
export async function decodePictures(
  messages: readonly RequestMessage[],
  { maxPixels, fetchPicture }: PictureOptions,
  signal: AbortSignal,
): Promise<Message[]> {
  let left = maxPixels

  async function decode(url: string, param: string): Promise<RgbImage> {
    const bytes = await bytesOf(url, param, fetchPicture, signal)
    signal.throwIfAborted()
    try {
      const image = await decodeImage(bytes, { maxPixels: left, name: 'the picture' })
      left -= image.widthPx * image.heightPx
      return image
    } catch (cause) {
      if (!ImageError.isInstance(cause)) throw cause
      throw new RequestError(400, `${param}: ${cause.message}`, param, 'invalid_image', { cause })
    }
  }

  const decoded: Message[] = []
  for (const { role, content } of messages) {
    const parts: Message['content'] = []
    for (const part of content)
      parts.push(part.type === 'text' ? part : { type: 'image', image: await decode(part.key, part.param) })
    decoded.push({ role, content: parts })
  }
  return decoded
}

const refuseUrl = (param: string, message: string, options?: ErrorOptions) =>
  new RequestError(400, `${param}: ${message}`, param, 'invalid_image_url', options)

/**
 * @returns the bytes of an image in a data URL; undefined for another URL
 * @throws RequestError naming the field when it is not base64
 */
export function bytesOfDataUrl(url: string, param: string): Uint8Array | undefined {
  const data = /^data:image\/[a-z0-9.+-]+;base64,/i.exec(url)
  if (!data) return undefined
  const base64 = url.slice(data[0].length)
  if (/[^A-Za-z0-9+/=\s]/.test(base64)) throw refuseUrl(param, 'the data URL holds something that is not base64')
  return Uint8Array.from(Buffer.from(base64, 'base64'))
}

async function bytesOf(
  url: string,
  param: string,
  fetchPicture: FetchPicture | undefined,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const refuse = (message: string, options?: ErrorOptions) => refuseUrl(param, message, options)
  const bytes = bytesOfDataUrl(url, param)
  if (bytes) return bytes
  if (!/^https?:/i.test(url)) throw refuse('expected a data URL with base64, "data:image/png;base64,.."')
  if (!fetchPicture) throw refuse('this server fetches no pictures: send a data URL, or start it with allowHttpImages')
  try {
    return await fetchPicture(url, signal)
  } catch (cause) {
    if (RequestError.isInstance(cause)) throw refuse(cause.message, { cause })
    throw cause
  }
}
