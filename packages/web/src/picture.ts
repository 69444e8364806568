/** Pictures as the page sends them, decoded in the worker. */
import type { RgbImage } from '@casa-js/base'
import { decodeImage } from '@casa-js/vision'
import type { Picture } from './protocol.ts'

/** A picture's file name, or the name given. */
export const pictureName = (picture: Picture, otherwise: string): string =>
  picture instanceof File && picture.name ? picture.name : otherwise

/** @throws ImageError naming the picture that cannot be decoded. */
export async function decodePicture(picture: Picture, name: string): Promise<RgbImage> {
  if (!(picture instanceof Blob)) return picture
  return decodeImage(await picture.arrayBuffer(), { name: pictureName(picture, name) })
}
