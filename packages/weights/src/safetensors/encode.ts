/** Values -> the bytes of a tensor of some dtype. */
import { refuse } from '../refuse.ts'
import { byteLength, countValues, type Dtype } from './dtypes.ts'
import { bf16FromFloat32, f16FromFloat32 } from '@casa-js/base/internal'

/** Values to be stored, or, as Uint8Array for any dtype, bytes that are stored as they are. */
export type TensorData =
  Float32Array | Float64Array | Int32Array | Uint32Array | Uint16Array | Int16Array | Int8Array | Uint8Array

/** A tensor to be written. */
export interface TensorToWrite {
  dtype: Dtype
  shape: number[]
  data: TensorData
}

const kinds: Partial<Record<Dtype, (data: TensorData) => ArrayBufferView | undefined>> = {
  F32: (data) => (data instanceof Float32Array ? data : undefined),
  F16: (data) => (data instanceof Float32Array ? f16FromFloat32(data) : data instanceof Uint16Array ? data : undefined),
  BF16: (data) => (data instanceof Float32Array ? bf16FromFloat32(data) : data instanceof Uint16Array ? data : undefined),
  F64: (data) => (data instanceof Float64Array ? data : undefined),
  I64: (data) => (data instanceof Int32Array ? BigInt64Array.from(data, BigInt) : undefined),
  I32: (data) => (data instanceof Int32Array ? data : undefined),
  U32: (data) => (data instanceof Uint32Array ? data : undefined),
  I16: (data) => (data instanceof Int16Array ? data : undefined),
  U16: (data) => (data instanceof Uint16Array ? data : undefined),
  I8: (data) => (data instanceof Int8Array ? data : undefined),
}

/** @throws WeightError when the data does not fit dtype and shape. */
export function encodeTensor(file: string, name: string, { dtype, shape, data }: TensorToWrite): Uint8Array {
  const wanted = bytesOf(file, name, dtype, shape)
  const view = data instanceof Uint8Array ? data : kinds[dtype]?.(data)
  if (!view) return refuse(file, 'dtype', `a ${data.constructor.name} cannot be stored as ${dtype}`, name)
  if (view.byteLength !== wanted) {
    const given = data instanceof Uint8Array ? `${data.length} bytes` : `${data.length} values`
    const expected = data instanceof Uint8Array ? `${wanted} bytes` : `${countValues(shape)} values`
    return refuse(file, 'shape', `${dtype} [${shape}] takes ${expected}, ${given} were given`, name)
  }
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

/** @throws WeightError when dtype and shape are invalid. */
export function bytesOf(file: string, name: string, dtype: Dtype, shape: number[]): number {
  const bad = shape.find((size) => !Number.isSafeInteger(size) || size < 0)
  if (bad !== undefined) return refuse(file, 'shape', `${bad} in shape [${shape}] is not a size`, name)
  const length = byteLength(dtype, shape)
  return 'bytes' in length
    ? length.bytes
    : refuse(file, length.fault, `${dtype} [${shape}] has no countable number of whole bytes`, name)
}
