import { CasaError } from '@casa-js/base'

/** A video cannot be opened or read. The message names it, what is wrong and the way out. */
export class VideoError extends CasaError {
  static override readonly code: string = 'video'
  override name = 'VideoError'
}
