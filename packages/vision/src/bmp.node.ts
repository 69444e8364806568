/**
 * BMP files in Node, where libvips has no decoder for them (and the npm packages that we tried misread palettes): 1, 4 and 8 bits with
 * a palette, 16, 24 and 32 bits with masks, bottom-up or top-down. Alpha is ignored: most programs that write it do not mean transparency.
 */
import type { RgbImage } from '@casa-js/core'
import { ImageError } from './errors.ts'

const fileHeaderBytes = 14
/** OS/2's header, with 16-bit sides and palette entries of 3 bytes. */
const coreHeaderBytes = 12
const uncompressed = 0
const bitFields = [3, 6]

interface BmpHeader {
  widthPx: number
  heightPx: number
  topDown: boolean
  bits: number
  paletteAt: number
  paletteEntryBytes: number
  pixelsAt: number
  /** Bit masks of red, green and blue, for 16 and 32 bits. */
  masks: [number, number, number]
}

function readHeader(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const pixelsAt = view.getUint32(10, true)
  const headerBytes = view.getUint32(fileHeaderBytes, true)
  const isCore = headerBytes === coreHeaderBytes
  const height = isCore ? view.getInt16(20, true) : view.getInt32(22, true)
  const bits = view.getUint16(isCore ? 24 : 28, true)
  const compression = isCore ? uncompressed : view.getUint32(30, true)
  const hasMasks = bitFields.includes(compression)
  if (compression !== uncompressed && !hasMasks)
    throw new ImageError(`the BMP file is compressed (method ${compression}); save it uncompressed, or as PNG`)
  if (![1, 4, 8, 16, 24, 32].includes(bits)) throw new ImageError(`a BMP file of ${bits} bits per pixel is unknown`)
  const defaults: BmpHeader['masks'] = bits === 16 ? [0x7c00, 0x03e0, 0x001f] : [0xff0000, 0xff00, 0xff]
  const masks = hasMasks ? ([54, 58, 62].map((at) => view.getUint32(at, true)) as BmpHeader['masks']) : defaults
  return {
    widthPx: isCore ? view.getUint16(18, true) : view.getInt32(18, true),
    heightPx: Math.abs(height),
    topDown: height < 0,
    bits,
    paletteAt: fileHeaderBytes + headerBytes + (hasMasks && headerBytes === 40 ? (compression === 6 ? 16 : 12) : 0),
    paletteEntryBytes: isCore ? 3 : 4,
    pixelsAt,
    masks,
  }
}

/** Width and height of a BMP file. Throws RangeError when the file ends inside the header. */
export function readBmpSize(bytes: Uint8Array): { widthPx: number; heightPx: number } {
  const { widthPx, heightPx } = readHeader(bytes)
  return { widthPx, heightPx }
}

/**
 * Decode a BMP file to rgb.
 * @throws ImageError when the file is compressed, or too short for its size.
 */
export function decodeBmp(bytes: Uint8Array): RgbImage {
  const header = readHeader(bytes)
  const { widthPx, heightPx, topDown, bits, pixelsAt } = header
  const rowBytes = Math.ceil((widthPx * bits) / 32) * 4
  if (pixelsAt + rowBytes * heightPx > bytes.length)
    throw new ImageError(`${widthPx} x ${heightPx} pixels take ${rowBytes * heightPx} bytes, found ${bytes.length - pixelsAt}`)
  const data = new Uint8Array(widthPx * heightPx * 3)
  const copy = bits <= 8 ? paletteCopier(bytes, header) : maskCopier(bytes, header)
  for (let y = 0; y < heightPx; y++) {
    const from = pixelsAt + (topDown ? y : heightPx - 1 - y) * rowBytes
    for (let x = 0; x < widthPx; x++) copy(from, x, data, (y * widthPx + x) * 3)
  }
  return { widthPx, heightPx, data }
}

/** Writes pixel x of the row that begins at `row` as rgb at `to`. */
type Copy = (row: number, x: number, out: Uint8Array, to: number) => void

function paletteCopier(bytes: Uint8Array, { bits, paletteAt, paletteEntryBytes }: BmpHeader): Copy {
  const perByte = 8 / bits
  const last = (1 << bits) - 1
  return (row, x, out, to) => {
    const shift = 8 - bits * ((x % perByte) + 1)
    const index = (bytes[row + Math.floor(x / perByte)]! >> shift) & last
    const entry = paletteAt + index * paletteEntryBytes
    for (let channel = 0; channel < 3; channel++) out[to + channel] = bytes[entry + 2 - channel]!
  }
}

function maskCopier(bytes: Uint8Array, { bits, masks }: BmpHeader): Copy {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const channels = masks.map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask)
    return { mask, shift, largest: mask >>> shift || 1 }
  })
  const step = bits / 8
  const read = {
    16: (at: number) => view.getUint16(at, true),
    24: (at: number) => view.getUint16(at, true) | (bytes[at + 2]! << 16),
    32: (at: number) => view.getUint32(at, true),
  }[bits as 16 | 24 | 32]
  return (row, x, out, to) => {
    const value = read(row + x * step)
    for (const [channel, { mask, shift, largest }] of channels.entries())
      out[to + channel] = Math.floor((((value & mask) >>> shift) * 255) / largest)
  }
}
