/** AdamW over grouped weights (Loshchilov & Hutter, arXiv 1711.05101), as torch.optim.AdamW computes it, and clip_grad_norm_. */
import { adamwStep, dispose, reshape, slice, zeros, type Tensor } from '@casa-js/tensor'
import type { TrainedWeight } from './groups.ts'
import { shapeOfPart, writeValues } from './parallel/flat.ts'
import { wholeParts, type Part } from './parallel/parts.ts'

export interface AdamwOptions {
  beta1?: number
  beta2?: number
  epsilon?: number
}

/** Betas of the paper's recipe family; torch's epsilon. */
export const ADAMW_DEFAULTS = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8 }

export interface AdamwState {
  /** First and second moments, in the order of the parts: of the shape of a whole weight, flat for a piece of one. */
  first: Tensor[]
  second: Tensor[]
}

/** torch's clip_grad_norm_: what gradients of this norm are multiplied by. No clipping gives 1. */
export const clipCoefficient = (norm: number, maximum: number | undefined): number =>
  maximum === undefined ? 1 : Math.min(1, maximum / (norm + 1e-6))

/** Owns the moments; updates the weights in place. */
export class Adamw {
  readonly weights: TrainedWeight[]
  /** What this optimiser updates: all weights, or the range of one rank. */
  readonly parts: readonly Part[]
  readonly state: AdamwState
  readonly #options: Required<AdamwOptions>

  /** @param parts pieces of `weights` to update; all of them by default */
  constructor(
    weights: TrainedWeight[],
    options: AdamwOptions = {},
    parts: readonly Part[] = wholeParts(weights.map(({ tensor }) => tensor.size)),
  ) {
    this.weights = weights
    this.parts = parts
    this.#options = { ...ADAMW_DEFAULTS, ...options }
    const moments = () => parts.map((part) => zeros(shapeOfPart(part, weights[part.weight]!.tensor)))
    this.state = { first: moments(), second: moments() }
  }

  /**
   * One update.
   * @param gradients one for each part, of its moments' shape
   * @param step counted from 0.
   * @param factor share of the peak learning rates (schedule.ts).
   * @param gradientScale multiplies every gradient: clipping and averaging need no separate pass.
   */
  update(gradients: Tensor[], { step, factor, gradientScale }: { step: number; factor: number; gradientScale: number }): void {
    const { beta1, beta2, epsilon } = this.#options
    this.parts.forEach((part, i) => {
      const { tensor, learningRate, weightDecay } = this.weights[part.weight]!
      const [firstMoment, secondMoment, gradient] = [this.state.first[i]!, this.state.second[i]!, gradients[i]!]
      const settings = {
        learningRate: learningRate * factor,
        beta1,
        beta2,
        eps: epsilon,
        weightDecay,
        step: step + 1,
        gradientScale,
      }
      if (part.end - part.begin === tensor.size) {
        adamwStep({ parameter: tensor, firstMoment, secondMoment, gradient }, settings)
        return
      }
      const flat = reshape(tensor, [tensor.size])
      const parameter = slice(flat, [part.begin], [part.end - part.begin])
      adamwStep({ parameter, firstMoment, secondMoment, gradient }, settings)
      writeValues(tensor, parameter, part.begin)
      dispose(flat, parameter)
    })
  }

  dispose(): void {
    dispose(...this.state.first, ...this.state.second)
  }
}
