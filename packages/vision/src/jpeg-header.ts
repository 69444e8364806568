/**
 * Reads the header of a JPEG as libjpeg does (jdmarker.c): bytes that are not a marker are skipped, a marker may be padded with any
 * number of 0xFF, and the first start-of-frame counts. Browsers decode with libjpeg, so this is the size that they will use.
 */

export interface JpegHeader {
  widthPx: number
  heightPx: number
}

const startOfImage = 0xd8
const endOfImage = 0xd9
const startOfScan = 0xda
/** In the range of start-of-frame codes, C4 defines Huffman tables, C8 is reserved and CC defines arithmetic coding. */
const isStartOfFrame = (code: number) => code >= 0xc0 && code <= 0xcf && code !== 0xc4 && code !== 0xc8 && code !== 0xcc
const isBare = (code: number) => code === 0x01 || (code >= 0xd0 && code <= startOfImage)

/** The size given before the first scan, or undefined when there is no start of frame. */
export function readJpegHeader(data: Uint8Array): JpegHeader | undefined {
  let at = 2
  while (at < data.length) {
    while (at < data.length && data[at] !== 0xff) at++
    while (at < data.length && data[at] === 0xff) at++
    const code = data[at++]
    if (code === undefined || code === endOfImage || code === startOfScan) return undefined
    if (code === 0 || isBare(code)) continue
    if (isStartOfFrame(code) && at + 6 < data.length) {
      const heightPx = (data[at + 3]! << 8) | data[at + 4]!
      const widthPx = (data[at + 5]! << 8) | data[at + 6]!
      return { widthPx, heightPx }
    }
    const length = (data[at]! << 8) | data[at + 1]!
    at += Math.max(length, 2)
  }
  return undefined
}
