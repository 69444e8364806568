/**
 * One update: gradients of this rank's micro-batches, summed over ranks, averaged over all counted tokens, clipped, applied by each rank
 * to its range of the weights, which then go to all.
 *
 * Each micro-batch's mean loss is seeded with its counted tokens, so that its gradient is that of a sum of losses; one division
 * by all counted tokens, folded into the optimizer's gradient scale, then gives every token of the update the same weight.
 */
import type { BatchStream } from '@casa-js/data/packing'
import { add, dispose, globalNorm, keep, streamGradients, type Tensor } from '@casa-js/tensor'
import { DivergedError } from './errors.ts'
import { clipCoefficient, type Adamw } from './optimizer.ts'
import type { Collective, GradientSum } from './parallel/collective.ts'
import type { Program } from './program.ts'
import { scheduleFactor, type Schedule } from './schedule.ts'

export interface StepContext<B = unknown> {
  program: Program<B>
  /** The shards of the data that this rank works on. */
  streams: BatchStream<B>[]
  optimizer: Adamw
  collective: Collective
  schedule: Schedule
  /** Largest gradient norm; without it gradients are not clipped. */
  clip?: number | undefined
  /** Run every block of the model again in the backward pass instead of storing its activations. */
  recompute?: boolean | undefined
  /** Whether this rank received a stop request. */
  stopRequested(): boolean
}

/** Result of an update; the same on every rank. */
export interface StepResult {
  /** Mean over the counted tokens of all ranks. */
  loss: number
  /** Before clipping. */
  gradientNorm: number
  /** Share of the peak learning rate. */
  factor: number
  tokens: number
  examples: number
  /** A rank received a stop request. */
  stop: boolean
}

/**
 * Makes one update of the weights, in place.
 *
 * @param step counted from 0
 * @throws DivergedError when the loss or the gradient is not finite, before anything was changed
 */
export async function trainStep<B>(context: StepContext<B>, step: number): Promise<StepResult> {
  const { optimizer, collective, schedule, clip } = context
  const weights = optimizer.weights.map(({ tensor }) => tensor)
  const sum = collective.sum(weights)
  const own = await addGradients(context, step, weights, sum)
  const gradients = await sum.finish()
  try {
    const ownNorm = await readScalar(globalNorm(gradients))
    const ranks = await collective.gather([
      own.lossSum,
      own.counted,
      own.tokens,
      own.examples.length,
      Number(context.stopRequested()),
      ownNorm ** 2,
    ])
    const [lossSum, counted, tokens, examples, stop, squaredNorm] = sumColumns(ranks)
    const gradientNorm = Math.sqrt(squaredNorm) / counted
    if (!Number.isFinite(gradientNorm)) {
      throw new DivergedError(`the norm of the gradient is ${gradientNorm}`, step, own.examples)
    }
    const factor = scheduleFactor(schedule, step)
    optimizer.update(gradients, { step, factor, gradientScale: clipCoefficient(gradientNorm, clip) / counted })
    await collective.share(weights)
    return { loss: lossSum / counted, gradientNorm, factor, tokens, examples, stop: stop > 0 }
  } finally {
    dispose(...gradients)
  }
}

/** What a rank contributes to an update, besides gradients. */
interface OwnShare {
  lossSum: number
  counted: number
  tokens: number
  examples: string[]
}

/** One micro-batch from each of this rank's streams: gradients of the sum of losses go into `sum` while the last is differentiated. */
async function addGradients<B>(
  { program, streams, recompute = false }: StepContext<B>,
  step: number,
  weights: Tensor[],
  sum: GradientSum,
): Promise<OwnShare> {
  const earlier: (Tensor | undefined)[] = weights.map(() => undefined)
  const own: OwnShare = { lossSum: 0, counted: 0, tokens: 0, examples: [] }
  try {
    for (const [at, stream] of streams.entries()) {
      const { batch, counted, tokens, examples } = await stream.next(step)
      if (!(counted > 0)) throw new DivergedError('a batch has no answer token to learn from', step, examples)
      const isLast = at === streams.length - 1
      const onGradient = (i: number, gradient: Tensor) => {
        const before = earlier[i]
        const total = before ? addInto(before, gradient) : gradient
        earlier[i] = isLast ? undefined : total
        if (isLast) sum.add(i, total)
      }
      const value = streamGradients(() => program.loss(batch), weights, onGradient, { seed: counted, recompute })
      const loss = await readScalar(value)
      if (!Number.isFinite(loss)) throw new DivergedError(`the loss is ${loss}`, step, examples)
      own.lossSum += loss * counted
      own.counted += counted
      own.tokens += tokens
      own.examples.push(...examples)
    }
    return own
  } catch (error) {
    dispose(...earlier)
    sum.cancel()
    throw error
  }
}

type StepNumbers = [lossSum: number, counted: number, tokens: number, examples: number, stop: number, squaredNorm: number]

function sumColumns(ranks: number[][]): StepNumbers {
  return ranks.reduce((sums, row) => sums.map((sum, i) => sum + row[i]!)) as StepNumbers
}

/** The value of a scalar, which is disposed. */
async function readScalar(scalar: Tensor): Promise<number> {
  const [value] = await scalar.data()
  dispose(scalar)
  return value!
}

/** a + b; both are disposed. Kept: the backward pass that hands over `b` frees what is made during it. */
function addInto(a: Tensor, b: Tensor): Tensor {
  const sum = keep(add(a, b))
  dispose(a, b)
  return sum
}
