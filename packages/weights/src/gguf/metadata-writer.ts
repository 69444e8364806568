/** Metadata and tensor entries -> the header of a GGUF file, version 3, little-endian. */
import { ggufTypeId } from './types.ts'

/** A value with the type that it is stored as. */
export type GgufField =
  | { type: 'uint32' | 'int32' | 'float32'; value: number }
  | { type: 'bool'; value: boolean }
  | { type: 'string'; value: string }
  | { type: 'strings'; value: readonly string[] }
  | { type: 'int32s' | 'float32s'; value: readonly number[] }

export interface GgufTensorPlan {
  name: string
  /** Outermost axis first. */
  shape: readonly number[]
  type: string
  bytes: number
}

export const alignment = 32

const ids = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, list: 9 }

/** The header, padded to the place of the first tensor. Tensors follow in this order, each padded to `alignment`. */
export function encodeHeader(fields: ReadonlyMap<string, GgufField>, tensors: readonly GgufTensorPlan[]): Uint8Array {
  const out = new ByteWriter()
  out.uint32(0x46554747)
  out.uint32(3)
  out.uint64(tensors.length)
  out.uint64(fields.size)
  for (const [key, field] of fields) {
    out.text(key)
    writeField(out, field)
  }
  let offset = 0
  for (const { name, shape, type, bytes } of tensors) {
    out.text(name)
    out.uint32(shape.length)
    for (const size of [...shape].reverse()) out.uint64(size)
    out.uint32(ggufTypeId(type))
    out.uint64(offset)
    offset += aligned(bytes)
  }
  return out.padded(alignment)
}

export function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment
}

function writeField(out: ByteWriter, field: GgufField): void {
  switch (field.type) {
    case 'string':
      out.uint32(ids.string)
      return out.text(field.value)
    case 'bool':
      out.uint32(ids.bool)
      return out.bytes(Uint8Array.of(field.value ? 1 : 0))
    case 'strings':
      out.uint32(ids.list)
      out.uint32(ids.string)
      out.uint64(field.value.length)
      return field.value.forEach((text) => out.text(text))
    case 'int32s':
    case 'float32s': {
      const isFloat = field.type === 'float32s'
      out.uint32(ids.list)
      out.uint32(isFloat ? ids.float32 : ids.int32)
      out.uint64(field.value.length)
      const numbers = isFloat ? Float32Array.from(field.value) : Int32Array.from(field.value)
      return out.bytes(new Uint8Array(numbers.buffer))
    }
    default: {
      out.uint32(ids[field.type])
      const kinds = { uint32: Uint32Array, int32: Int32Array, float32: Float32Array }
      return out.bytes(new Uint8Array(kinds[field.type].of(field.value).buffer))
    }
  }
}

class ByteWriter {
  private buffer = new Uint8Array(1 << 16)
  private length = 0

  bytes(bytes: Uint8Array): void {
    const wanted = this.length + bytes.byteLength
    if (wanted > this.buffer.byteLength) {
      const larger = new Uint8Array(Math.max(wanted, 2 * this.buffer.byteLength))
      larger.set(this.buffer.subarray(0, this.length))
      this.buffer = larger
    }
    this.buffer.set(bytes, this.length)
    this.length = wanted
  }

  uint32(value: number): void {
    this.bytes(new Uint8Array(Uint32Array.of(value).buffer))
  }

  uint64(value: number): void {
    this.bytes(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer))
  }

  text(text: string): void {
    const bytes = new TextEncoder().encode(text)
    this.uint64(bytes.byteLength)
    this.bytes(bytes)
  }

  padded(to: number): Uint8Array {
    return this.buffer.slice(0, Math.ceil(this.length / to) * to).fill(0, this.length)
  }
}
