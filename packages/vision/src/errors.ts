import { CasaError } from '@casa-js/base'

/** An image cannot be read or used. The message names the image, says what is wrong with it and what is accepted. */
export class ImageError extends CasaError {
  static override readonly code: string = 'image'
  override name = 'ImageError'
}
