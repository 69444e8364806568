/**
 * Products of many rows with a compressed weight W [outputs, inputs] (compressed.ts; a group of 0 means blocks of the format `bits`): products like any other, in which the weight is
 * widened while its panels are packed. A few rows have a kernel of their own (quantized-row.ts).
 */
import { describe, descriptionBytes } from './compressed'
import { Compressed } from './elements'
import { matMulScratch, product } from './matmul'

/** Bytes of scratch for a product with the weight, or for its gradient. */
export function quantizedScratch(inputs: i32, outputs: i32): i32 {
  return <i32>descriptionBytes + max(matMulScratch(outputs, inputs), matMulScratch(inputs, outputs))
}

/** y [rows, outputs] = x Wᵀ + bias (if given). strideOfY: floats from row to row of y, of which a part of the columns may be given. */
export function quantizedMatMul(
  x: usize, values: usize, scales: usize, bias: usize, y: usize, scratch: usize,
  rows: i32, inputs: i32, outputs: i32, bits: i32, group: i32, strideOfY: i32,
): void {
  describe(scratch, values, scales, inputs, bits, group)
  product<Compressed>(x, scratch, bias, y, rows, outputs, inputs, false, true, inputs, scratch + descriptionBytes, strideOfY)
}

/** dx [rows, inputs] = dy W. */
export function quantizedGrad(
  dy: usize, values: usize, scales: usize, dx: usize, scratch: usize,
  rows: i32, inputs: i32, outputs: i32, bits: i32, group: i32,
): void {
  describe(scratch, values, scales, inputs, bits, group)
  product<Compressed>(dy, scratch, 0, dx, rows, inputs, outputs, false, false, outputs, scratch + descriptionBytes, inputs)
}
