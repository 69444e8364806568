/** AdamW over grouped weights (Loshchilov & Hutter, arXiv 1711.05101), as torch.optim.AdamW computes it, and clip_grad_norm_. */
import { adamwStep, dispose, zeros, type Tensor } from '@casa-js/tensor'
import type { TrainedWeight } from './groups.ts'

export interface AdamwOptions {
  beta1?: number
  beta2?: number
  epsilon?: number
}

/** Betas of the paper's recipe family; torch's epsilon. */
export const ADAMW_DEFAULTS = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8 }

export interface AdamwState {
  /** First and second moments, in the order and of the shapes of the weights. */
  first: Tensor[]
  second: Tensor[]
}

/** torch's clip_grad_norm_: what gradients of this norm are multiplied by. No clipping gives 1. */
export const clipCoefficient = (norm: number, maximum: number | undefined): number =>
  maximum === undefined ? 1 : Math.min(1, maximum / (norm + 1e-6))

/** Owns the moments; updates the weights in place. */
export class Adamw {
  readonly weights: TrainedWeight[]
  readonly state: AdamwState
  readonly #options: Required<AdamwOptions>

  constructor(weights: TrainedWeight[], options: AdamwOptions = {}) {
    this.weights = weights
    this.#options = { ...ADAMW_DEFAULTS, ...options }
    this.state = {
      first: weights.map(({ tensor }) => zeros(tensor.shape)),
      second: weights.map(({ tensor }) => zeros(tensor.shape)),
    }
  }

  /**
   * One update.
   * @param step counted from 0.
   * @param factor share of the peak learning rates (schedule.ts).
   * @param gradientScale multiplies every gradient: clipping and averaging need no separate pass.
   */
  update(gradients: Tensor[], { step, factor, gradientScale }: { step: number; factor: number; gradientScale: number }): void {
    const { beta1, beta2, epsilon } = this.#options
    this.weights.forEach(({ tensor, learningRate, weightDecay }, i) => {
      const tensors = {
        parameter: tensor,
        firstMoment: this.state.first[i]!,
        secondMoment: this.state.second[i]!,
        gradient: gradients[i]!,
      }
      adamwStep(tensors, {
        learningRate: learningRate * factor,
        beta1,
        beta2,
        eps: epsilon,
        weightDecay,
        step: step + 1,
        gradientScale,
      })
    })
  }

  dispose(): void {
    dispose(...this.state.first, ...this.state.second)
  }
}
