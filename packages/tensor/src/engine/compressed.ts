/**
 * Weights that stay compressed on the device: an int32 tensor that records which matrix [O,D] it represents.
 *
 *   bf16, f16    two values per word, as checkpoints hold them; the first in the low half
 *   quantized    8 or 4 bits per value in words, one f16 scale per group of columns (ops/quantized-linear/quantize.ts)
 *   blocks       blocks of a GGUF file, row by row, as they lie in it (ops/block-linear)
 *
 * `linear`, `linearCrossEntropy`, `embedding` and `gatherRows` take such a tensor wherever they take a float one. It is read-only:
 * no gradient is computed for it.
 */
import { ArgumentError } from '@casa-js/base'
import type { BlockType } from '@casa-js/base/internal'
import type { Tensor } from './tensor.ts'

export type CompressedForm =
  | { kind: 'bf16' | 'f16'; shape: [outputs: number, inputs: number] }
  | { kind: 'blocks'; shape: [outputs: number, inputs: number]; type: BlockType }
  | { kind: 'quantized'; shape: [outputs: number, inputs: number]; bits: 8 | 4; group: number; scales: Tensor }

const forms = new WeakMap<object, CompressedForm>()

/** Record which matrix a tensor of words represents. */
export function markCompressed(words: Tensor, form: CompressedForm): Tensor {
  forms.set(words, form)
  return words
}

/** The matrix [O, D] that a compressed weight represents, and its format; undefined for any other tensor. */
export function compressedForm(t: Tensor): CompressedForm | undefined {
  return forms.get(t)
}

/** The shape that a weight has in its model: [O, D] for a compressed one, else its own shape. */
export function shapeOf(weight: Tensor): number[] {
  return compressedForm(weight)?.shape.slice() ?? weight.shape
}

/** Tensors that belong to this one (scales) and are kept and freed with it. */
export function companionsOf(t: Tensor): Tensor[] {
  const form = compressedForm(t)
  return form?.kind === 'quantized' ? [form.scales] : []
}

/** @throws ArgumentError if an operator that reads floats is given a compressed weight. */
export function expectUncompressed(operator: string, argument: string, t: Tensor): void {
  const form = compressedForm(t)
  if (form)
    throw new ArgumentError(
      `${operator}: ${argument} is a ${form.kind} weight [${form.shape}], which only linear, linearCrossEntropy, embedding and gatherRows take: ` +
        'decompressWeight() first',
    )
}
