/**
 * The dtypes of safetensors, with their bits. Source: the format's reference implementation, `Dtype` in safetensors/src/tensor.rs.
 * Values of the sub-byte and 8-bit float types are never decoded here: such tensors can be listed and copied as bytes.
 */
export const dtypeBits = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const

export type Dtype = keyof typeof dtypeBits

/** Whether a text is the name of a dtype of the format. */
export function isDtype(text: string): text is Dtype {
  return Object.hasOwn(dtypeBits, text)
}

/** Size of a tensor in bytes, or the reason why dtype and shape are invalid. */
export function byteLength(dtype: Dtype, shape: readonly number[]): { bytes: number } | { fault: 'overflow' | 'alignment' } {
  let values = 1
  for (const size of shape) {
    values *= size
    if (!Number.isSafeInteger(values)) return { fault: 'overflow' }
  }
  const bits = values * dtypeBits[dtype]
  if (!Number.isSafeInteger(bits)) return { fault: 'overflow' }
  return bits % 8 === 0 ? { bytes: bits / 8 } : { fault: 'alignment' }
}

/** Values of a tensor: the product of its sizes, 1 for a scalar. */
export function countValues(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}
