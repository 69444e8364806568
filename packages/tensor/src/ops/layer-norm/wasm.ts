import { partOf, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { LayerNormAttributes, LayerNormGradAttributes, LayerNormGradInputs, LayerNormInputs } from './attributes.ts'

export const layerNormWasm: WasmKernel<LayerNormInputs, LayerNormAttributes> = (context, { rows, width, eps }) => {
  const x = context.input('x')
  const [weight, bias] = context.pointers('weight', 'bias')
  const y = context.output(x.shape)
  const mean = context.output([rows])
  const inverse = context.output([rows])
  const part = (pointer: number, begin: number) => partOf(pointer, begin * width)
  context.share('layerNorm', { count: rows, work: 4 * rows * width }, (begin, count) => [
    ...[part(x.pointer, begin), weight, bias, part(y, begin), partOf(mean, begin), partOf(inverse, begin)],
    ...[count, width, eps],
  ])
}

export const layerNormGradWasm: WasmKernel<LayerNormGradInputs, LayerNormGradAttributes> = (context, { rows, width }) => {
  const x = context.input('x')
  const [weight, mean, inverse, dy] = context.pointers('weight', 'mean', 'inverse', 'dy')
  const dx = context.output(x.shape)
  const part = (pointer: number, begin: number) => partOf(pointer, begin * width)
  const [dWeight, dBias] = [context.output([width]), context.output([width])].map((sum) => context.partialSums(sum, width))
  context.share('layerNormGrad', { count: rows, work: 8 * rows * width }, (begin, count) => [
    ...[part(x.pointer, begin), weight, partOf(mean, begin), partOf(inverse, begin), part(dy, begin), part(dx, begin)],
    ...[dWeight!.next(), dBias!.next(), count, width],
  ])
  dWeight!.add()
  dBias!.add()
}
