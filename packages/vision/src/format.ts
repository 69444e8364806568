/**
 * Detects the format of a file from its first bytes, never from its name: the formats that are decoded, and others that people
 * often pass by mistake, each with advice on what to do.
 */

/** A format that at least one platform decodes. */
export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'avif' | 'tiff' | 'bmp'

/** The formats as listed in error messages. */
export const acceptedFormats = 'PNG, JPEG, WebP, GIF, AVIF, TIFF or BMP'

export const mimeTypes: Record<ImageFormat, string> = {
  png: 'image/png',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  avif: 'image/avif',
  tiff: 'image/tiff',
  bmp: 'image/bmp',
}

/** `format` when the file may be decoded, else what the error message says about it. */
export type Sniffed = { format: ImageFormat } | { refusal: string } | undefined

const video = (kind: string) => ({
  refusal: `this is a video (${kind}), not a picture; read its frames with openVideo of @casa-js/video, or caption it with casa caption`,
})
const heic = {
  refusal:
    'this is a HEIC picture, whose codec is not free to ship; convert it first, e.g. with `heif-convert photo.heic photo.jpg`, ' +
    'or set the phone to "Most Compatible"',
}

/** Signatures at the start of a file. A signature that begins with another one comes before it. */
const signatures: [string, Sniffed][] = [
  ['\x89PNG\r\n\x1a\n', { format: 'png' }],
  ['\xff\xd8', { format: 'jpeg' }],
  ['GIF8', { format: 'gif' }],
  ['II*\0', { format: 'tiff' }],
  ['MM\0*', { format: 'tiff' }],
  ['II+\0', { format: 'tiff' }],
  ['MM\0+', { format: 'tiff' }],
  ['%PDF', { refusal: 'this is a PDF, not a picture; draw its pages first, e.g. with `pdftoppm -png -r 150 file.pdf page`' }],
  ['8BPS', { refusal: 'this is a Photoshop document; export it as PNG' }],
  ['\x1aE\xdf\xa3', video('WebM or Matroska')],
  ['FLV', video('FLV')],
  ['OggS', video('Ogg')],
  ['\0\0\x01\xba', video('MPEG')],
  ['\0\0\x01\xb3', video('MPEG')],
  ['\xff\x0a', { refusal: 'this is a JPEG XL picture; convert it, e.g. with `djxl picture.jxl picture.png`' }],
  ['\0\0\0\x0cJXL ', { refusal: 'this is a JPEG XL picture; convert it, e.g. with `djxl picture.jxl picture.png`' }],
  ['\0\0\0\x0cjP  ', { refusal: 'this is a JPEG 2000 picture; convert it to PNG' }],
  ['\xff\x4f\xff\x51', { refusal: 'this is a JPEG 2000 picture; convert it to PNG' }],
  ['\0\0\x01\0', { refusal: 'this is an icon (ICO); export it as PNG' }],
  ['version https://git-lfs', { refusal: 'this is a git-lfs pointer, not the file itself; fetch it with `git lfs pull`' }],
  ['PK\x03\x04', { refusal: 'this is a zip archive (or an office document); take the picture out of it first' }],
]

/** Brands of the ISO container that HEIC, AVIF and MP4 share (MP4RA's registry), by content. */
const heicBrands = ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs']
const avifBrands = ['avif', 'avis']

/** The format of a file, or a description of what it is instead, or undefined when the signature is unknown. */
export function sniff(data: Uint8Array): Sniffed {
  const start = String.fromCharCode(...data.subarray(0, 512))
  for (const [letters, found] of signatures) if (start.startsWith(letters)) return found
  if (start.startsWith('RIFF')) {
    const kind = start.slice(8, 12)
    if (kind === 'WEBP') return { format: 'webp' }
    if (kind === 'AVI ') return video('AVI')
  }
  if (start.startsWith('BM') && isBmp(data)) return { format: 'bmp' }
  if (start.slice(4, 8) === 'ftyp') return sniffBrands(start)
  const text = start.replace(/^\u00ef\u00bb\u00bf/, '').trimStart()
  if (/^<(!doctype html|html|head|body)\b/i.test(text))
    return { refusal: 'this is a web page, not a picture; give the address of the picture itself' }
  if (/^(<\?xml[^>]*>\s*)?(<!--[^]*?-->\s*)?(<!doctype svg|<svg)\b/i.test(text))
    return { refusal: 'this is an SVG drawing; draw it first, e.g. with `rsvg-convert drawing.svg -o drawing.png`' }
  return undefined
}

/** The second header of a BMP has one of seven sizes; the two letters alone would match any text that begins with BM. */
function isBmp(data: Uint8Array): boolean {
  const headerSize = data.length >= 18 ? new DataView(data.buffer, data.byteOffset).getUint32(14, true) : 0
  return [12, 40, 52, 56, 64, 108, 124].includes(headerSize)
}

/** The major brand, and for the generic brands "mif1" and "msf1" the compatible brands after it. */
function sniffBrands(start: string): Sniffed {
  const length = Math.min(start.length, (start.charCodeAt(2) << 8) | start.charCodeAt(3) || start.length)
  const brands = [start.slice(8, 12)]
  for (let at = 16; at + 4 <= length; at += 4) brands.push(start.slice(at, at + 4))
  const main = brands[0]!
  const isPicture = [...heicBrands, ...avifBrands, 'mif1', 'msf1', 'heif'].includes(main)
  if (!isPicture) return video(main.startsWith('qt') ? 'MOV' : 'MP4')
  if (heicBrands.includes(main)) return heic
  if (brands.some((brand) => avifBrands.includes(brand))) return { format: 'avif' }
  return heic
}
