/**
 * The tensors of a GGUF file by our names, in our order of rows. `read` gives float32 values, equal to those of the Python package
 * gguf. For quantised matrix products, matrices of some types come as the file's blocks (Q4_1, Q4_K, Q6_K), or all of them in 8 or 4
 * bits: Q8_0, Q5_0 and Q4_0 without any change of value, other quantised types rounded to 8 bits.
 */
import { ArgumentError } from '@casa-js/base'
import {
  areFiniteBlocks,
  canDequantize,
  decodedTypes,
  dequantizeBlocks,
  dequantizeRows,
  joinHalves,
  multipliedBlocks,
  quantizeRows,
  type BlockType,
  type QuantizedForm,
  type QuantizedRows,
} from '@casa-js/base/internal'
import type { ByteSource } from '../bytes/source.ts'
import { checkRange } from '../bytes/source.ts'
import { ErrorMeter } from '../convert/error-meter.ts'
import type { BlockSource, QuantizedMatrix, QuantizedSource } from '../quantize/quantized-source.ts'
import { refuse } from '../refuse.ts'
import { decodeFloat32, decodeInt32, isInteger, compressedWords } from '../safetensors/decode.ts'
import { isDtype } from '../safetensors/dtypes.ts'
import type { StoredDtype } from '../safetensors/reader.ts'
import type { GgufHeader, GgufTensor } from './header.ts'
import { nameOf, pairedRows, rotatedRows } from './names.ts'
import { repackBlocks, repackedForm } from './repack.ts'

interface Entry extends GgufTensor {
  shape: number[]
  /** For each row of ours, the row of the file; undefined when they are the same. */
  rows?: Int32Array | undefined
}

export interface GgufShape {
  /** Whether rows of queries and keys are stored in rotary pairs, and their number of heads. */
  heads: { q: number; k: number } | undefined
}

/** The weights of a GGUF file under the names that they have in a model folder. */
export class GgufWeights implements QuantizedSource, BlockSource {
  readonly name: string
  readonly metadata: Readonly<Record<string, string>> = { format: 'pt' }
  private readonly source: ByteSource
  private readonly tensors = new Map<string, Entry>()
  private readonly listing = new Map<string, { shape: number[]; dtype: StoredDtype }>()

  /**
   * @param source closed by `close`
   * @throws WeightError when two tensors get one name, a type cannot be read, or heads do not divide their rows.
   */
  constructor(source: ByteSource, header: GgufHeader, { heads }: GgufShape) {
    this.name = source.name
    this.source = source
    for (const [stored, tensor] of header.tensors) {
      const name = nameOf(stored)
      if (this.tensors.has(name)) refuse(this.name, 'duplicate-key', `two tensors are called so, one of them ${stored}`, name)
      if (!isDtype(tensor.type.name) && !canDequantize(tensor.type.name)) {
        refuse(
          this.name,
          'dtype',
          `values of type ${tensor.type.name} are not read; known are F32, F16, BF16 and ${decodedTypes}`,
          stored,
        )
      }
      const rotated = heads && rotatedRows(name)
      const rows = rotated && this.rowsOf(name, tensor.shape[0] ?? 0, heads[rotated])
      this.tensors.set(name, { ...tensor, rows })
      this.listing.set(name, { shape: tensor.shape, dtype: listed(tensor) })
    }
  }

  entries(): Map<string, { shape: number[]; dtype: StoredDtype }> {
    return this.listing
  }

  /** The type in the file, e.g. "Q4_K". */
  typeOf(name: string): string {
    return this.entry(name).type.name
  }

  blockTypeOf(name: string): BlockType | undefined {
    const { type, shape } = this.entry(name)
    return isMatrix(shape) && Object.hasOwn(multipliedBlocks, type.name) ? (type.name as BlockType) : undefined
  }

  async readBlocks(name: string, signal?: AbortSignal): Promise<Uint8Array> {
    const type =
      this.blockTypeOf(name) ?? refuse(this.name, 'quantized', 'this tensor is not in blocks that are multiplied', name)
    const blocks = await this.readBytes(name, undefined, signal)
    return areFiniteBlocks(blocks, type) ? blocks : refuse(this.name, 'quantized', 'a scale is not finite', name)
  }

  async read(name: string, signal?: AbortSignal): Promise<Float32Array> {
    const entry = this.entry(name)
    const { type } = entry
    const bytes = await this.readBytes(name, undefined, signal)
    if (isDtype(type.name)) return decodeFloat32(type.name, bytes)
    return dequantizeBlocks(bytes, type.name, type.values, type.bytes)
  }

  async readInt32(name: string, signal?: AbortSignal): Promise<Int32Array> {
    const { type } = this.entry(name)
    if (!isDtype(type.name) || !isInteger(type.name))
      return refuse(this.name, 'dtype', `${type.name} where integers were expected`, name)
    const values = decodeInt32(type.name, await this.readBytes(name, undefined, signal))
    return values ?? refuse(this.name, 'dtype', 'a value does not fit into 32 bits', name)
  }

  async readCompressed(name: string, signal?: AbortSignal): Promise<Int32Array> {
    const { type, shape } = this.entry(name)
    if (type.name !== 'F16' && type.name !== 'BF16')
      return refuse(this.name, 'dtype', `${type.name} where 16-bit floats were expected`, name)
    const words = new Int32Array(compressedWords(shape))
    new Uint8Array(words.buffer).set(await this.readBytes(name, undefined, signal))
    return words
  }

  async readQuantized(
    name: string,
    signal?: AbortSignal,
    { measure = false }: { measure?: boolean } = {},
  ): Promise<QuantizedMatrix> {
    const { type, shape } = this.entry(name)
    if (!isMatrix(shape) || !canDequantize(type.name)) return refuse(this.name, 'quantized', 'this tensor is not quantised', name)
    const [outputs, inputs] = shape
    const { isExact, bits, group } = repackedForm(type.name)
    const matrix = { outputs, inputs, bits, group }
    if (isExact) {
      const { values, scales } = repackBlocks(await this.readBytes(name, undefined, signal), type.name, type.bytes)
      return { ...matrix, values, scales: joinHalves(scales) }
    }
    const exact = await this.read(name, signal)
    const rows = this.rounded(name, exact, matrix)
    const result = { ...matrix, values: rows.values, scales: joinHalves(rows.scales) }
    if (!measure) return result
    const meter = new ErrorMeter()
    meter.add(exact, dequantizeRows(rows, inputs, matrix))
    return { ...result, roundedFrom: { from: type.name, relativeError: meter.result().relative } }
  }

  async readBytes(name: string, range?: { begin: number; end: number }, signal?: AbortSignal): Promise<Uint8Array> {
    const { begin, end, rows } = this.entry(name)
    const size = end - begin
    const wanted = range ?? { begin: 0, end: size }
    checkRange({ name: this.name, size }, wanted.begin, wanted.end)
    if (!rows) return this.source.read(begin + wanted.begin, begin + wanted.end, signal)
    const stored = await this.source.read(begin, end, signal)
    const ordered = new Uint8Array(size)
    const rowBytes = size / rows.length
    rows.forEach((from, to) => ordered.set(stored.subarray(from * rowBytes, (from + 1) * rowBytes), to * rowBytes))
    return range ? ordered.slice(wanted.begin, wanted.end) : ordered
  }

  close(): Promise<void> {
    return this.source.close()
  }

  private rounded(name: string, values: Float32Array, form: QuantizedForm & { inputs: number }): QuantizedRows {
    try {
      return quantizeRows(values, form.inputs, form)
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error
      return refuse(this.name, 'quantized', error.message, name)
    }
  }

  private entry(name: string): Entry {
    return this.tensors.get(name) ?? refuse(this.name, 'missing', 'there is no such tensor', name)
  }

  private rowsOf(name: string, rows: number, heads: number): Int32Array {
    const size = rows / heads
    if (!(Number.isSafeInteger(size) && size % 2 === 0))
      refuse(this.name, 'shape', `${rows} rows are not ${heads} heads of pairs`, name)
    return pairedRows(rows, heads)
  }
}

function isMatrix(shape: number[]): shape is [number, number] {
  return shape.length === 2
}

/** Quantised matrices are listed with the dtype used for quantised products. */
function listed({ type, shape }: GgufTensor): StoredDtype {
  if (isDtype(type.name)) return type.name
  if (!isMatrix(shape)) return 'F32'
  return repackedForm(type.name).bits === 8 ? 'Q8' : 'Q4'
}
