import type { RgbImage } from '@casa-js/core'

/** The pages of an animation, as a platform opens them. */
export interface Pages {
  count: number
  /** A page and how long it is shown. To be called in order; the image of a page may be asked for until the call after the next. */
  page(index: number): Promise<{ durationMs: number; image(): Promise<RgbImage> }>
  close(): void
}
