/** Reads the header of a GGUF file from bytes in memory. Source: ggml's docs/gguf.md, versions 2 and 3, little-endian. */
import { CasaError } from '@casa-js/base'
import { refuse } from '../refuse.ts'

export type GgufValue = number | bigint | boolean | string | GgufValue[] | Float32Array | Int32Array | Uint32Array

/** The bytes end before the header does. */
export class HeaderCut extends CasaError {}

/** Depth of nested arrays, which the format allows but no known file uses. */
const depthLimit = 4

/** Items of a list and bytes of a text: ten times the largest vocabularies and templates. */
const itemLimit = 10_000_000
const textLimitBytes = 64 << 20

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class GgufCursor {
  at = 0
  private readonly file: string
  private readonly bytes: Uint8Array
  private readonly view: DataView

  constructor(file: string, bytes: Uint8Array) {
    this.file = file
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  uint32(): number {
    return this.view.getUint32(this.take(4), true)
  }

  /** @throws WeightError for numbers that are not safe integers. */
  size(what: string): number {
    const value = this.view.getBigUint64(this.take(8), true)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) refuse(this.file, 'overflow', `${what} is ${value}`)
    return Number(value)
  }

  text(what: string): string {
    const length = this.size(`the length of ${what}`)
    if (length > textLimitBytes) refuse(this.file, 'header-size', `${what} claims ${length} bytes`)
    const begin = this.take(length)
    try {
      return utf8.decode(this.bytes.subarray(begin, begin + length))
    } catch {
      return refuse(this.file, 'utf-8', `${what} is not UTF-8`)
    }
  }

  value(what: string, type: number, depth = 0): GgufValue {
    const { view } = this
    switch (type) {
      case 0:
        return view.getUint8(this.take(1))
      case 1:
        return view.getInt8(this.take(1))
      case 2:
        return view.getUint16(this.take(2), true)
      case 3:
        return view.getInt16(this.take(2), true)
      case 4:
        return this.uint32()
      case 5:
        return view.getInt32(this.take(4), true)
      case 6:
        return view.getFloat32(this.take(4), true)
      case 7: {
        const flag = view.getUint8(this.take(1))
        return flag < 2 ? flag === 1 : refuse(this.file, 'metadata', `${what} is neither false nor true but ${flag}`)
      }
      case 8:
        return this.text(what)
      case 9:
        return this.list(what, depth)
      case 10:
        return view.getBigUint64(this.take(8), true)
      case 11:
        return view.getBigInt64(this.take(8), true)
      case 12:
        return view.getFloat64(this.take(8), true)
      default:
        return refuse(this.file, 'metadata', `${what} has the unknown type ${type}`)
    }
  }

  private list(what: string, depth: number): GgufValue {
    if (depth === depthLimit) refuse(this.file, 'metadata', `${what} is nested too deeply`)
    const type = this.uint32()
    const length = this.size(`the length of ${what}`)
    if (length > itemLimit) refuse(this.file, 'header-size', `${what} claims ${length} items`)
    // Fast path for scores and types of tokens: hundreds of thousands of numbers.
    if (type === 4 || type === 5 || type === 6) {
      const begin = this.take(4 * length)
      const copy = this.bytes.slice(begin, begin + 4 * length).buffer
      return type === 6 ? new Float32Array(copy) : type === 5 ? new Int32Array(copy) : new Uint32Array(copy)
    }
    const items: GgufValue[] = []
    for (let i = 0; i < length; i++) items.push(this.value(what, type, depth + 1))
    return items
  }

  /** Where the next `length` bytes begin. */
  private take(length: number): number {
    const begin = this.at
    if (begin + length > this.bytes.byteLength) throw new HeaderCut('the header ends here')
    this.at += length
    return begin
  }
}
