/**
 * An open safetensors file. Only its header is read on opening; a tensor is read on request, in pieces, so that besides the result
 * there is never more than one piece in memory.
 */
import type { WeightSource } from '@casa-js/core'
import { checkRange, type ByteSource } from '../bytes/source.ts'
import { refuse } from '../refuse.ts'
import { decodeFloat32, decodeInt32, isInteger, isNumeric, compressedWords } from './decode.ts'
import { countValues, dtypeBits, type Dtype } from './dtypes.ts'
import { readHeader, type TensorEntry } from './header.ts'

/** Bytes read at a time. A multiple of 8, so that a piece holds whole values of every dtype. */
const pieceBytes = 8 << 20

/** Dtypes of listed tensors: those of the format, and matrices quantised to 8 or 4 bits (quantize/quantized-source.ts). */
export type StoredDtype = Dtype | 'Q8' | 'Q4'

/** What a checkpoint can give beyond float32 values. */
export interface TensorSource extends WeightSource {
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
  entries(): Map<string, { shape: number[]; dtype: StoredDtype }>
  /** float32 values; f16, bf16, integers, bool and quantised matrices are converted, f64 is rounded. */
  read(name: string, signal?: AbortSignal): Promise<Float32Array>
  /** int32 values of an integer or bool tensor. @throws WeightError when a value does not fit. */
  readInt32(name: string, signal?: AbortSignal): Promise<Int32Array>
  /** A 16-bit float tensor as stored in the file: two values per 32-bit word, the first in the lower half, padded with zero. */
  readCompressed(name: string, signal?: AbortSignal): Promise<Int32Array>
  /** The tensor's bytes [begin, end); all of them by default. */
  readBytes(name: string, range?: { begin: number; end: number }, signal?: AbortSignal): Promise<Uint8Array>
}

/** One safetensors file: its entries, and their values read on demand. */
export class Safetensors implements TensorSource {
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
  private readonly source: ByteSource
  private readonly tensors: Map<string, TensorEntry>
  private readonly listing: Map<string, { shape: number[]; dtype: Dtype }>

  private constructor(source: ByteSource, tensors: Map<string, TensorEntry>, metadata: Record<string, string>) {
    this.name = source.name
    this.source = source
    this.tensors = tensors
    this.metadata = metadata
    this.listing = new Map([...tensors].map(([name, { shape, dtype }]) => [name, { shape, dtype }]))
  }

  /**
   * Reads and checks the header. The returned source owns the file: `close` closes it, and so does a failure here.
   * @throws WeightError naming file, tensor and the rule of the format that is broken.
   */
  static async open(source: ByteSource, signal?: AbortSignal): Promise<Safetensors> {
    try {
      const { tensors, metadata } = await readHeader(source, signal)
      return new Safetensors(source, tensors, metadata)
    } catch (error) {
      await source.close()
      throw error
    }
  }

  entries(): Map<string, { shape: number[]; dtype: Dtype }> {
    return this.listing
  }

  async read(name: string, signal?: AbortSignal): Promise<Float32Array> {
    const entry = this.entry(name)
    if (!isNumeric(entry.dtype))
      refuse(this.name, 'dtype', `values of dtype ${entry.dtype} cannot be decoded, only copied as bytes`, name)
    if (entry.end - entry.begin <= pieceBytes) {
      return decodeFloat32(entry.dtype, await this.source.read(entry.begin, entry.end, signal))
    }
    const values = new Float32Array(countValues(entry.shape))
    const bytesPerValue = dtypeBits[entry.dtype] / 8
    await this.eachPiece(entry, signal, (bytes, at) => values.set(decodeFloat32(entry.dtype, bytes), at / bytesPerValue))
    return values
  }

  async readInt32(name: string, signal?: AbortSignal): Promise<Int32Array> {
    const entry = this.entry(name)
    if (!isInteger(entry.dtype)) refuse(this.name, 'dtype', `${entry.dtype} where integers were expected`, name)
    const values = decodeInt32(entry.dtype, await this.source.read(entry.begin, entry.end, signal))
    return values ?? refuse(this.name, 'overflow', `a value of ${entry.dtype} does not fit into 32 bits`, name)
  }

  async readCompressed(name: string, signal?: AbortSignal): Promise<Int32Array> {
    const entry = this.entry(name)
    if (entry.dtype !== 'F16' && entry.dtype !== 'BF16')
      refuse(this.name, 'dtype', `${entry.dtype} where F16 or BF16 was expected`, name)
    const words = new Int32Array(compressedWords(entry.shape))
    const target = new Uint8Array(words.buffer)
    await this.eachPiece(entry, signal, (bytes, at) => target.set(bytes, at))
    return words
  }

  async readBytes(name: string, range?: { begin: number; end: number }, signal?: AbortSignal): Promise<Uint8Array> {
    const entry = this.entry(name)
    const size = entry.end - entry.begin
    const { begin, end } = range ?? { begin: 0, end: size }
    checkRange({ name: `${this.name}: tensor ${name}`, size }, begin, end)
    return this.source.read(entry.begin + begin, entry.begin + end, signal)
  }

  close(): Promise<void> {
    return this.source.close()
  }

  private entry(name: string): TensorEntry {
    return this.tensors.get(name) ?? refuse(this.name, 'missing', 'there is no such tensor', name)
  }

  private async eachPiece(
    entry: TensorEntry,
    signal: AbortSignal | undefined,
    take: (bytes: Uint8Array, at: number) => void,
  ): Promise<void> {
    for (let begin = entry.begin; begin < entry.end; begin += pieceBytes) {
      take(await this.source.read(begin, Math.min(entry.end, begin + pieceBytes), signal), begin - entry.begin)
    }
  }
}
