/**
 * One update: gradients of this rank's micro-batches, summed over ranks, averaged over all counted tokens, clipped, applied.
 *
 * Each micro-batch's mean loss is seeded with its counted tokens, so that its gradient is that of a sum of losses; one division
 * by all counted tokens, folded into the optimiser's gradient scale, then gives every token of the update the same weight.
 */
import { add, dispose, globalNorm, valueAndGradients, type Tensor } from '@casa-js/tensor'
import { DivergedError } from './errors.ts'
import { clipCoefficient, type Adamw } from './optimizer.ts'
import type { Collective } from './parallel/collective.ts'
import type { BatchStream, Program } from './program.ts'
import { scheduleFactor, type Schedule } from './schedule.ts'

export interface StepContext {
  program: Program
  /** The shards of the data that this rank works on. */
  streams: BatchStream[]
  optimizer: Adamw
  collective: Collective
  schedule: Schedule
  /** Largest gradient norm. */
  clip?: number | undefined
  /** Whether someone asked for the end of the run. */
  stopRequested(): boolean
}

/** The same on every rank. */
export interface StepResult {
  /** Mean over the counted tokens of all ranks. */
  loss: number
  /** Before clipping. */
  gradientNorm: number
  /** Share of the peak rate. */
  factor: number
  tokens: number
  examples: number
  /** Some rank saw the wish to stop. */
  stop: boolean
}

/** @throws DivergedError before anything was changed. */
export async function trainStep(context: StepContext, step: number): Promise<StepResult> {
  const { optimizer, collective, schedule, clip } = context
  const own = await ownGradients(context, step)
  const all = await collective.gather([
    own.lossSum,
    own.counted,
    own.tokens,
    own.examples.length,
    context.stopRequested() ? 1 : 0,
  ])
  const [lossSum, counted, tokens, examples, stop] = all[0]!.map((_, i) =>
    all.reduce((sum, numbers) => sum + numbers[i]!, 0),
  ) as [number, number, number, number, number]

  const gradients = await collective.sum(own.gradients)
  const norm = globalNorm(gradients)
  const gradientNorm = (await norm.data())[0]! / counted
  dispose(norm)
  if (!Number.isFinite(gradientNorm)) {
    dispose(...gradients)
    throw new DivergedError(`the norm of the gradient is ${gradientNorm}`, step, own.examples)
  }
  const factor = scheduleFactor(schedule, step)
  optimizer.update(gradients, { step, factor, gradientScale: clipCoefficient(gradientNorm, clip) / counted })
  dispose(...gradients)
  return { loss: lossSum / counted, gradientNorm, factor, tokens, examples, stop: stop > 0 }
}

interface OwnGradients {
  /** Of the sum of losses. */
  gradients: Tensor[]
  lossSum: number
  counted: number
  tokens: number
  examples: string[]
}

async function ownGradients({ program, streams, optimizer }: StepContext, step: number): Promise<OwnGradients> {
  const weights = optimizer.weights.map(({ tensor }) => tensor)
  const own: OwnGradients = { gradients: [], lossSum: 0, counted: 0, tokens: 0, examples: [] }
  for (const stream of streams) {
    const { batch, counted, tokens, examples } = await stream.next(step)
    if (!(counted > 0)) throw new DivergedError('a batch has no answer token to learn from', step, examples)
    const { value, gradients } = valueAndGradients(() => program.loss(batch), weights, counted)
    const loss = (await value.data())[0]!
    dispose(value)
    if (!Number.isFinite(loss)) {
      dispose(...gradients, ...own.gradients)
      throw new DivergedError(`the loss is ${loss}`, step, examples)
    }
    own.gradients = own.gradients.length === 0 ? gradients : own.gradients.map((sum, i) => addInto(sum, gradients[i]!))
    own.lossSum += loss * counted
    own.counted += counted
    own.tokens += tokens
    own.examples.push(...examples)
  }
  return own
}

function addInto(sum: Tensor, gradient: Tensor): Tensor {
  const result = add(sum, gradient)
  dispose(sum, gradient)
  return result
}
