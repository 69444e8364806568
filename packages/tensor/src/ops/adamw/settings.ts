/** The settings of an AdamW step, and the factors that its kernels use. */
export interface AdamWSettings {
  learningRate: number
  beta1: number
  beta2: number
  eps: number
  weightDecay: number
  /** Which step this is, from 1: corrects the moments' bias towards their start at zero. */
  step: number
  /** Factor on the gradient, 1 if it is not clipped. */
  gradientScale: number
}

/** The factors of a kernel, computed on the host in double precision. */
export function adamwFactors({ learningRate, beta1, beta2, weightDecay, step }: AdamWSettings) {
  return {
    decay: 1 - learningRate * weightDecay,
    stepSize: learningRate / (1 - beta1 ** step),
    rootCorrection: 1 / Math.sqrt(1 - beta2 ** step),
  }
}
