/**
 * Where the samples of a tar file begin, found by its headers alone: a tar file is a chain of headers of 512 bytes, each before the
 * bytes of its file, padded to 512. Source: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar's manual for long names.
 */
import { FileError } from '@casa-js/base'
import type { ByteSource } from '@casa-js/weights'
import { splitName } from './tar.ts'

/** First bytes of all samples, and the byte after the last one. */
export interface SampleOffsets {
  offsets: number[]
  end: number
}

interface Header {
  name: string
  type: string
  /** Bytes of the file after it. */
  size: number
}

const blockBytes = 512
/** Bytes read at once, so that many small samples take few reads, and large ones are skipped. */
const pieceBytes = 64 << 10

/**
 * Finds the samples of a tar file.
 *
 * @throws FileError with the byte at which the file is no tar file, or is cut off
 */
export async function findSamples(source: ByteSource): Promise<SampleOffsets> {
  const read = createReader(source)
  const offsets: number[] = []
  let key: string | undefined
  /** Where the entry begins: its long name and attributes stand before its header. */
  let begin: number | undefined
  let longName: string | undefined
  for (let at = 0; ;) {
    const header = at < source.size ? parseHeader(await read(at, at + blockBytes), source.name, at) : undefined
    if (!header) return { offsets, end: begin ?? at }
    const data = at + blockBytes
    const next = data + Math.ceil(header.size / blockBytes) * blockBytes
    if (next > source.size)
      throw new FileError(
        source.name,
        `it is cut off: the file at byte ${at} goes on to byte ${next}, the shard ends at ${source.size}`,
      )
    if ('xgLK'.includes(header.type)) {
      begin ??= at
      if (header.type === 'L') longName = textOf(await read(data, data + header.size))
      if (header.type === 'x')
        longName = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(textOf(await read(data, data + header.size)))?.[1] ?? longName
    } else {
      if (header.type === '0') {
        const [own] = splitName(longName ?? header.name)
        if (own !== key) offsets.push(begin ?? at)
        key = own
      }
      begin = longName = undefined
    }
    at = next
  }
}

/** undefined for the empty block that ends the archive. */
function parseHeader(block: Uint8Array, file: string, at: number): Header | undefined {
  if (block.every((byte) => byte === 0)) return undefined
  const isChecksum = (index: number): boolean => index >= 148 && index < 156
  const sum = block.reduce((total, byte, index) => total + (isChecksum(index) ? 32 : byte), 0)
  if (sum !== octal(block, 148, 8))
    throw new FileError(file, `at byte ${at} no tar header stands: the shard is corrupt; make or download it again`)
  const prefix = textOf(block.subarray(257, 262)) === 'ustar' ? textOf(block.subarray(345, 500)) : ''
  const name = textOf(block.subarray(0, 100))
  const type = String.fromCharCode(block[156]!)
  return { name: prefix === '' ? name : `${prefix}/${name}`, type: type === '\0' ? '0' : type, size: sizeOf(block) }
}

/** Sizes of 8 GiB and more are written in base 256, marked by the highest bit. */
function sizeOf(block: Uint8Array): number {
  if ((block[124]! & 0x80) === 0) return octal(block, 124, 12)
  return block.subarray(125, 136).reduce((size, byte) => size * 256 + byte, 0)
}

function octal(block: Uint8Array, begin: number, length: number): number {
  return Number.parseInt(textOf(block.subarray(begin, begin + length)).trim() || '0', 8)
}

/** Text up to the first zero byte. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}

/** Reads ranges out of larger pieces, of which it keeps one. */
function createReader(source: ByteSource): (begin: number, end: number) => Promise<Uint8Array> {
  let [start, piece] = [0, new Uint8Array()]
  return async (begin, end) => {
    if (end > source.size)
      throw new FileError(source.name, `it is cut off: a header at byte ${begin}, the shard ends at ${source.size}`)
    if (begin < start || end > start + piece.byteLength) {
      start = begin
      piece = new Uint8Array(await source.read(begin, Math.min(source.size, Math.max(end, begin + pieceBytes))))
    }
    return piece.subarray(begin - start, end - start)
  }
}
