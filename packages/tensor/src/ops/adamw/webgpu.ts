import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { defineElementwise } from '../../engine/webgpu/elementwise.ts'
import type { AdamWAttributes, AdamWInputs } from './attributes.ts'
import { adamwFactors } from './settings.ts'

const program = defineElementwise({
  name: 'adamw',
  inputs: ['gradient'],
  outputs: ['parameter', 'firstMoment', 'secondMoment'],
  uniforms: {
    gradientScale: 'f32',
    /** 1 - beta1 and 1 - beta2, computed on the host in double precision: in float32, 1 - 0.999 loses digits. */
    fresh1: 'f32',
    beta2: 'f32',
    fresh2: 'f32',
    eps: 'f32',
    decay: 'f32',
    stepSize: 'f32',
    rootCorrection: 'f32',
  },
  body: `
  let g = gradient[i] * u.gradientScale;
  let m = firstMoment[i] + u.fresh1 * (g - firstMoment[i]);
  let v = u.beta2 * secondMoment[i] + u.fresh2 * g * g;
  firstMoment[i] = m;
  secondMoment[i] = v;
  parameter[i] = parameter[i] * u.decay - u.stepSize * m / (sqrt(v) * u.rootCorrection + u.eps);`,
})

/** In place: writes parameter, firstMoment and secondMoment; returns nothing. */
export const adamwWebgpu: WebgpuKernel<AdamWInputs, AdamWAttributes> = (context, attributes) => {
  const { size, beta1, beta2, eps, gradientScale } = attributes
  const tensors = {
    parameter: context.input('parameter'),
    firstMoment: context.input('firstMoment'),
    secondMoment: context.input('secondMoment'),
    gradient: context.input('gradient'),
  }
  const fresh = { fresh1: 1 - beta1, fresh2: 1 - beta2 }
  program(context, tensors, size, { gradientScale, beta2, eps, ...fresh, ...adamwFactors(attributes) })
  return []
}
