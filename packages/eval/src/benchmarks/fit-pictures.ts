/** Pictures at the size at which a protocol shows them. */
import type { Message, RgbImage } from '@casa-js/core'
import { resize } from '@casa-js/vision'

/** A picture whose longer side is at most `sidePx`: larger ones are shrunk (bicubic, as Pillow), the shape kept; smaller ones stay. */
export function fitPicture(image: RgbImage, sidePx: number): RgbImage {
  const { widthPx, heightPx } = image
  const longer = Math.max(widthPx, heightPx)
  if (longer <= sidePx) return image
  const fitted = (px: number) => Math.max(1, Math.round((px * sidePx) / longer))
  return resize(image, fitted(widthPx), fitted(heightPx))
}

/** The conversation with its pictures fitted. */
export function fitPictures(messages: readonly Message[], sidePx: number): Message[] {
  return messages.map((message) => ({
    ...message,
    content: message.content.map((part) => (part.type === 'image' ? { ...part, image: fitPicture(part.image, sidePx) } : part)),
  }))
}
