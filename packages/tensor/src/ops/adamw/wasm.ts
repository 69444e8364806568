import { forgetRounded } from '../../engine/wasm/byte-product.ts'
import { partOf, workPerValue, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { AdamWAttributes, AdamWInputs } from './attributes.ts'
import { adamwFactors } from './settings.ts'

/** In place: writes parameter, firstMoment and secondMoment; returns nothing. */
export const adamwWasm: WasmKernel<AdamWInputs, AdamWAttributes> = (context, attributes) => {
  const { size, beta1, beta2, eps, gradientScale } = attributes
  const { decay, stepSize, rootCorrection } = adamwFactors(attributes)
  for (const name of ['parameter', 'firstMoment', 'secondMoment'] as const) forgetRounded(context.identity(name))
  const pointers = context.pointers('parameter', 'firstMoment', 'secondMoment', 'gradient')
  const factors = [1 - beta1, beta2, 1 - beta2, eps, decay, stepSize, rootCorrection, gradientScale]
  context.share('adamw', { count: size, work: workPerValue * size, unit: 4 }, (begin, count) => [
    ...[...pointers.map((pointer) => partOf(pointer, begin)), count, ...factors],
  ])
}
