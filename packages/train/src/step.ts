/**
 * One update: gradients of this rank's micro-batches, summed over ranks, averaged over all counted tokens, clipped, applied.
 *
 * Each micro-batch's mean loss is seeded with its counted tokens, so that its gradient is that of a sum of losses; one division
 * by all counted tokens, folded into the optimizer's gradient scale, then gives every token of the update the same weight.
 */
import type { BatchStream } from '@casa-js/data'
import { add, dispose, globalNorm, valueAndGradients, type Tensor } from '@casa-js/tensor'
import { DivergedError } from './errors.ts'
import { clipCoefficient, type Adamw } from './optimizer.ts'
import type { Collective } from './parallel/collective.ts'
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
  const own = await accumulateGradients(context, step)
  const [lossSum, counted, tokens, examples, stop] = await sumOverRanks(collective, [
    own.lossSum,
    own.counted,
    own.tokens,
    own.examples.length,
    Number(context.stopRequested()),
  ])
  const gradients = await collective.sum(own.gradients)
  try {
    const gradientNorm = (await readScalar(globalNorm(gradients))) / counted
    if (!Number.isFinite(gradientNorm)) {
      throw new DivergedError(`the norm of the gradient is ${gradientNorm}`, step, own.examples)
    }
    const factor = scheduleFactor(schedule, step)
    optimizer.update(gradients, { step, factor, gradientScale: clipCoefficient(gradientNorm, clip) / counted })
    return { loss: lossSum / counted, gradientNorm, factor, tokens, examples, stop: stop > 0 }
  } finally {
    dispose(...gradients)
  }
}

interface OwnGradients {
  /** Gradients of the sum of losses. */
  gradients: Tensor[]
  lossSum: number
  counted: number
  tokens: number
  examples: string[]
}

/** One micro-batch from each of this rank's streams. */
async function accumulateGradients<B>({ program, streams, optimizer }: StepContext<B>, step: number): Promise<OwnGradients> {
  const weights = optimizer.weights.map(({ tensor }) => tensor)
  const own: OwnGradients = { gradients: [], lossSum: 0, counted: 0, tokens: 0, examples: [] }
  try {
    for (const stream of streams) {
      const { batch, counted, tokens, examples } = await stream.next(step)
      if (!(counted > 0)) throw new DivergedError('a batch has no answer token to learn from', step, examples)
      const { value, gradients } = valueAndGradients(() => program.loss(batch), weights, counted)
      own.gradients = own.gradients.length === 0 ? gradients : own.gradients.map((sum, i) => addInto(sum, gradients[i]!))
      const loss = await readScalar(value)
      if (!Number.isFinite(loss)) throw new DivergedError(`the loss is ${loss}`, step, examples)
      own.lossSum += loss * counted
      own.counted += counted
      own.tokens += tokens
      own.examples.push(...examples)
    }
    return own
  } catch (error) {
    dispose(...own.gradients)
    throw error
  }
}

async function sumOverRanks<N extends number[]>(collective: Collective, numbers: readonly [...N]): Promise<N> {
  const all = await collective.gather([...numbers])
  return numbers.map((_, i) => all.reduce((sum, ofRank) => sum + ofRank[i]!, 0)) as N
}

/** The value of a scalar, which is disposed. */
async function readScalar(scalar: Tensor): Promise<number> {
  const [value] = await scalar.data()
  dispose(scalar)
  return value!
}

/** a + b; both are disposed. */
function addInto(a: Tensor, b: Tensor): Tensor {
  const sum = add(a, b)
  dispose(a, b)
  return sum
}
