import { partOf, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { RmsNormAttributes, RmsNormGradAttributes, RmsNormGradInputs, RmsNormInputs } from './attributes.ts'

export const rmsNormWasm: WasmKernel<RmsNormInputs, RmsNormAttributes> = (context, { rows, width, eps }) => {
  const x = context.input('x')
  const y = context.input('y').pointer
  const weight = context.input('weight').pointer
  const sum = context.has('y') ? context.output(x.shape) : 0
  const normed = context.output(x.shape)
  const inverse = context.output([rows])
  const part = (pointer: number, begin: number) => partOf(pointer, begin * width)
  context.share('rmsNorm', { count: rows, work: 4 * rows * width }, (begin, count) => [
    ...[part(x.pointer, begin), part(y, begin), weight, part(sum, begin), part(normed, begin), partOf(inverse, begin)],
    ...[count, width, eps],
  ])
}

export const rmsNormGradWasm: WasmKernel<RmsNormGradInputs, RmsNormGradAttributes> = (context, { rows, width }) => {
  const x = context.input('x')
  const [weight, inverse, dNormed, dSum] = context.pointers('weight', 'inverse', 'dNormed', 'dSum')
  const dx = context.output(x.shape)
  const part = (pointer: number, begin: number) => partOf(pointer, begin * width)
  const sums = context.partialSums(context.output([width]), width)
  context.share('rmsNormGrad', { count: rows, work: 8 * rows * width }, (begin, count) => [
    ...[part(x.pointer, begin), weight, partOf(inverse, begin), part(dNormed, begin), part(dSum, begin), part(dx, begin)],
    ...[sums.next(), count, width],
  ])
  sums.add()
}
