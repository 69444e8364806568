import { CasaError } from '@casa-js/base'

/** A video cannot be opened or read. The message names it and says what is wrong and what to do. */
export class VideoError extends CasaError {
  static override readonly code: string = 'video'
  override name = 'VideoError'
}
