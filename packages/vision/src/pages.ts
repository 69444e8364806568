import type { RgbImage } from '@casa-js/core'

/** The pages of an animation, as the platform code opens them. */
export interface Pages {
  count: number
  /** A page and how long it is shown. Call in order; the image of a page may be read until the call after the next. */
  page(index: number): Promise<{ durationMs: number; image(): Promise<RgbImage> }>
  close(): void
}
