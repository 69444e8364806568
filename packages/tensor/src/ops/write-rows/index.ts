/**
 * writeRows: overwrite rows of a tensor in place.
 *
 *   target [N,..]  rows [T,..]  ->  target rows offset .. offset + T - 1 become `rows`
 *
 * A KV cache of fixed capacity is written with it: nothing is allocated, whatever the length.
 */
import { ArgumentError, StateError } from '@casa-js/base'
import { defineKernel } from '../../engine/kernel.ts'
import { isRecording } from '../../engine/tape.ts'
import { sizeOf, type Tensor } from '../../engine/tensor.ts'
import type { WriteRowsAttributes, WriteRowsInputs } from './attributes.ts'
import { writeRowsCpu } from './cpu.ts'
import { writeRowsWasm } from './wasm.ts'
import { writeRowsWebgpu } from './webgpu.ts'

const runWriteRows = /* @__PURE__ */ defineKernel<WriteRowsInputs, WriteRowsAttributes, []>('WriteRows', {
  cpu: writeRowsCpu,
  wasm: writeRowsWasm,
  webgpu: writeRowsWebgpu,
})

/**
 * Overwrite rows of a tensor in place: rows [T, ..] become rows offset .. offset + T - 1 of target [N, ..], both float32 or both int32. Tensors
 * that share memory with `target` (reshape, share) see the new values.
 * @throws ArgumentError if the rows differ in shape or dtype, or do not fit
 * @throws StateError while a gradient is being computed, as the backward pass might read the overwritten values
 */
export function writeRows(target: Tensor, rows: Tensor, offset: number): void {
  const [capacity, ...inner] = target.shape
  const [count, ...given] = rows.shape
  if (target.rank === 0 || inner.join() !== given.join() || target.dtype !== rows.dtype) {
    throw new ArgumentError(
      `writeRows: rows ${rows.dtype} [${rows.shape}] do not belong in a target ${target.dtype} [${target.shape}]`,
    )
  }
  if (!Number.isInteger(offset) || offset < 0 || offset + count > capacity) {
    throw new ArgumentError(`writeRows: ${count} rows at ${offset} do not fit into ${capacity}`)
  }
  if (isRecording()) throw new StateError('writeRows: overwrites values that a gradient being taken may still read')
  runWriteRows({ target, rows }, { offset, rows: count, width: sizeOf(inner) })
}
