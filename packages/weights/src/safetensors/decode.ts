/** Bytes of a tensor -> float32 values. Little-endian, as the format and all supported machines. */
import { ArgumentError } from '@casa-js/base'
import { countValues, type Dtype } from './dtypes.ts'
import { float32FromBf16, float32FromF16 } from '@casa-js/base/internal'

/** Dtypes that can be read as numbers; the others (8-bit and smaller floats, complex) only as bytes. */
const decoders: Partial<Record<Dtype, (bytes: Uint8Array) => ArrayLike<number> | ArrayLike<bigint>>> = {
  F32: (bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4),
  F16: (bytes) => float32FromF16(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2)),
  BF16: (bytes) => float32FromBf16(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2)),
  F64: (bytes) => new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8),
  I64: (bytes) => new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8),
  U64: (bytes) => new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8),
  I32: (bytes) => new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4),
  U32: (bytes) => new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4),
  I16: (bytes) => new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2),
  U16: (bytes) => new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2),
  I8: (bytes) => new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  U8: (bytes) => bytes,
  BOOL: (bytes) => bytes,
}

const integers: ReadonlySet<Dtype> = new Set(['I64', 'U64', 'I32', 'U32', 'I16', 'U16', 'I8', 'U8', 'BOOL'])

export function isNumeric(dtype: Dtype): boolean {
  return dtype in decoders
}

export function isInteger(dtype: Dtype): boolean {
  return integers.has(dtype)
}

/** The values in their own precision, without a copy where the alignment in memory allows it. 64-bit integers are BigInt. */
export function decodeNumbers(dtype: Dtype, bytes: Uint8Array): ArrayLike<number> | ArrayLike<bigint> {
  const decode = decoders[dtype]
  if (!decode) throw new ArgumentError(`values of dtype ${dtype} cannot be decoded, only copied as bytes`)
  return decode(bytes.byteOffset % 8 === 0 ? bytes : bytes.slice())
}

/** As float32; a wider type is rounded to it. A float32 tensor is not copied. */
export function decodeFloat32(dtype: Dtype, bytes: Uint8Array): Float32Array {
  const values = decodeNumbers(dtype, bytes)
  if (values instanceof Float32Array) return values
  return Float32Array.from(values as ArrayLike<number>, Number)
}

/** As int32, or undefined when a value does not fit. An int32 tensor is not copied. */
export function decodeInt32(dtype: Dtype, bytes: Uint8Array): Int32Array | undefined {
  const values = decodeNumbers(dtype, bytes)
  if (values instanceof Int32Array) return values
  const result = new Int32Array(values.length)
  for (let i = 0; i < result.length; i++) {
    const value = Number(values[i])
    if (value !== (value | 0)) return undefined
    result[i] = value
  }
  return result
}

/** 32-bit words that hold two 16-bit values each, the first in the lower half; an odd count is padded with zero. */
export function compressedWords(shape: readonly number[]): number {
  return Math.ceil(countValues(shape) / 2)
}
