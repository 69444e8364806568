/** Random weights of a form that files have, made without quantising anything: time and memory do not depend on the values. */
import { floatToHalf } from '@casa-js/base/internal'
import type { Params, TensorSpec, TensorTable } from '@casa-js/core'
import { createCompressedQuantizedWeight, createCompressedWeight, joinHalves, keep, tensor, type Tensor } from '@casa-js/tensor'
import { repeated } from './repeated.ts'
import type { Format } from './roofline.ts'

/** Small finite values: norms of ones, matrices of random words. */
export function randomParams(table: TensorTable, format: Format): Params {
  return Object.fromEntries(table.map((spec) => [spec.name, keep(randomTensor(spec, format))]))
}

function randomTensor({ name, shape }: TensorSpec, format: Format): Tensor {
  const size = shape.reduce((product, extent) => product * extent, 1)
  if (shape.length !== 2) return tensor(new Float32Array(size).fill(1), [...shape])
  const [outputs, inputs] = shape as [number, number]
  const finest = format === 'int4' && /embed_tokens|lm_head/.test(name) ? 'int8' : format
  // Multiplicative hashing: repeatable, and as good as random for timing.
  const bits = (i: number) => Math.imul(i + 1, 2654435761)
  if (finest === 'int8' || finest === 'int4') {
    const [valueBits, group] = [finest === 'int8' ? 8 : 4, 32] as const
    const values = repeated(new Int32Array(outputs * Math.ceil((inputs * valueBits) / 32)), period, bits)
    const scales = new Uint16Array(outputs * Math.ceil(inputs / group)).fill(floatToHalf(finest === 'int8' ? 4e-4 : 6e-3))
    return createCompressedQuantizedWeight({ values, scales: joinHalves(scales), outputs, inputs, bits: valueBits, group })
  }
  // Halves of 0.03 in size: bf16 0x3cf0 .. with random signs.
  const half = (i: number) => 0x3c80 | (bits(i) & 0x807f)
  if (finest === 'bf16')
    return createCompressedWeight(joinHalves(repeated(new Uint16Array(size), period, half)), [...shape], 'bf16')
  const floats = repeated(new Uint32Array(size), period, (i) => half(i) << 16)
  return tensor(new Float32Array(floats.buffer), [...shape])
}

/** Most values that are made one by one, as a billion of them would take minutes. */
const period = 2 ** 20
