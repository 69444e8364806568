import type { CpuKernel } from '../../engine/cpu.ts'
import type { AdamWAttributes, AdamWInputs } from './attributes.ts'
import { adamwFactors } from './settings.ts'

/** In place: writes parameter, firstMoment and secondMoment; returns nothing. */
export const adamwCpu: CpuKernel<AdamWInputs, AdamWAttributes> = (
  { parameter, firstMoment, secondMoment, gradient },
  attributes,
) => {
  const { size, beta1, beta2, eps, gradientScale } = attributes
  const { decay, stepSize, rootCorrection } = adamwFactors(attributes)
  const p = parameter.data
  const m = firstMoment.data
  const v = secondMoment.data
  for (let i = 0; i < size; i++) {
    const g = gradient.data[i]! * gradientScale
    m[i]! += (1 - beta1) * (g - m[i]!)
    v[i] = beta2 * v[i]! + (1 - beta2) * g * g
    p[i] = p[i]! * decay - (stepSize * m[i]!) / (Math.sqrt(v[i]!) * rootCorrection + eps)
  }
  return []
}
