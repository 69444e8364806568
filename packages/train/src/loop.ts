/**
 * The loop that every rank of a run goes through: updates, checkpoints, evaluations, stop requests.
 *
 * All ranks take the same decisions at the same step, because they synchronise. Only rank 0 emits the events of updates; each rank emits
 * its own part of an evaluation, and writes the moments of its range into every checkpoint.
 */
import type { Params } from '@casa-js/core'
import type { BatchStream } from '@casa-js/data/packing'
import { shapeOf, type DeviceReport } from '@casa-js/tensor'
import type { CheckpointStore, RunConfig } from './checkpoint/content.ts'
import type { CheckpointEvent, EndEvent, EvaluatingEvent, StartEvent, StepEvent } from './events.ts'
import { groupWeights, type GroupRule } from './groups.ts'
import { Adamw, type AdamwOptions } from './optimizer.ts'
import type { Collective } from './parallel/collective.ts'
import { offsetsOf, partsOf, rangeOf } from './parallel/parts.ts'
import { Queue } from './parallel/queue.ts'
import type { DataFacts, Evaluation, Program, ReportAnswered } from './program.ts'
import { checkSchedule, type Schedule } from './schedule.ts'
import { trainStep } from './step.ts'
import { Throughput } from './throughput.ts'

/** Plain data, because it is sent to workers. */
export interface LoopOptions {
  schedule: Schedule
  groups: GroupRule[]
  freeze?: string[] | undefined
  adamw?: AdamwOptions
  /** Largest gradient norm; without it gradients are not clipped. */
  clip?: number
  /** Run every block of the model again in the backward pass instead of storing its activations. */
  recompute?: boolean | undefined
  /** Micro-batches in an update. Each rank takes every `ranks`-th. */
  shards: number
  /** Updates between checkpoints. There is always one at the end. */
  checkpointEvery?: number
  /** Updates between evaluations. There is always one at the end. */
  evaluateEvery?: number | undefined
  /** Also before the first update. Default false. */
  evaluateAtStart?: boolean | undefined
  config: RunConfig
}

export interface LoopContext {
  program: Program
  collective: Collective
  device: DeviceReport
  /** Where checkpoints go; without it none are written. */
  store?: CheckpointStore | undefined
  /** The checkpoint to resume from, already checked. */
  resumeFrom?: string | undefined
  stopRequested(): boolean
  /** Reports a problem that does not stop the run. */
  warn(message: string): void
}

/** One rank's part of an evaluation, before they are merged. */
export interface EvaluationPart extends Evaluation {
  kind: 'evaluation-part'
  step: number
}

export type LoopEvent = StartEvent | StepEvent | CheckpointEvent | EndEvent | EvaluatingEvent | EvaluationPart

/**
 * Trains from where the checkpoint left off, or from the start, to the last step of the schedule or a stop request.
 *
 * @throws ConfigError for an invalid schedule or invalid groups; CheckpointError, DivergedError, or what the program throws
 */
export async function* runLoop(options: LoopOptions, context: LoopContext): AsyncGenerator<LoopEvent, void, undefined> {
  const { program, collective, store, device } = context
  const { rank, ranks } = collective
  const schedule = checkSchedule(options.schedule)
  const weights = groupWeights(program.params, options.groups, options.freeze)
  const sizes = weights.map(({ tensor }) => tensor.size)
  const optimizer = new Adamw(weights, options.adamw, partsOf(sizes, rangeOf(offsetsOf(sizes).at(-1)!, rank, ranks)))
  try {
    const shards = await openShards(program, options.shards, collective)
    const trainedParams = Object.fromEntries(weights.map(({ name, tensor }) => [name, tensor]))
    let done = await restore(context, trainedParams, optimizer, shards)
    await collective.broadcast(Object.values(trainedParams))
    let stopped = false
    const isLast = (): boolean => done >= schedule.steps
    if (rank === 0) {
      const [parameters, trained] = [countValues(program.params), countValues(trainedParams)]
      yield { kind: 'start', step: done, steps: schedule.steps, workers: ranks, device, parameters, trained }
    }
    if (done > 0) {
      // The previous run may have been killed right after this checkpoint, before its follow-up work.
      if (isLast() && rank === 0) await saveModel(store, program)
      if (isLast() || isDue(done, options.evaluateEvery)) yield* evaluate(context, done)
    } else if (options.evaluateAtStart) yield* evaluate(context, done)
    const { clip, recompute } = options
    const step = { ...context, streams: shards.map(({ stream }) => stream), optimizer, schedule, clip, recompute }
    const peakRate = Math.max(...weights.map(({ learningRate }) => learningRate))
    const throughput = new Throughput()
    while (!isLast() && !stopped) {
      const startMs = performance.now()
      const { loss, gradientNorm, factor, tokens, examples, stop } = await trainStep(step, done)
      throughput.add({ ms: performance.now() - startMs, tokens, examples })
      const speed = throughput.report(schedule.steps - done - 1)
      if (rank === 0) yield { kind: 'step', step: done, loss, gradientNorm, learningRate: peakRate * factor, ...speed }
      done++
      stopped = stop
      if (store && (isLast() || stopped || isDue(done, options.checkpointEvery))) {
        const positions = await gatherPositions(shards, options.shards, collective)
        const { data } = program
        const content = { step: done, config: options.config, positions, data, params: trainedParams, optimizer }
        const folder = await store.write(content, collective)
        if (rank === 0) {
          await saveModel(store, program)
          yield { kind: 'checkpoint', step: done, folder }
        }
      }
      if (isLast() || (!stopped && isDue(done, options.evaluateEvery))) yield* evaluate(context, done)
    }
    const features = program.features?.()
    if (rank === 0) yield { kind: 'end', step: done, stopped: stopped && !isLast(), ...(features && { features }) }
  } finally {
    optimizer.dispose()
  }
}

function isDue(step: number, every: number | undefined): boolean {
  return every !== undefined && every > 0 && step % every === 0
}

function countValues(params: Params): number {
  const sizes = Object.values(params).map((weight) => shapeOf(weight).reduce((product, extent) => product * extent, 1))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** One shard of the data, of those that this rank works on. */
interface OwnShard {
  shard: number
  stream: BatchStream<unknown>
}

/** Every `ranks`-th shard. */
async function openShards(program: Program, shards: number, { rank, ranks }: Collective): Promise<OwnShard[]> {
  const own: OwnShard[] = []
  for (let shard = rank; shard < shards; shard += ranks) own.push({ shard, stream: await program.stream(shard, shards) })
  return own
}

/** @returns updates done: 0 without a checkpoint. */
async function restore(
  { program, collective, store, resumeFrom, warn }: LoopContext,
  trained: Params,
  optimizer: Adamw,
  shards: OwnShard[],
): Promise<number> {
  if (!store || resumeFrom === undefined) return 0
  const { step, positions, data } = await store.restore(resumeFrom, trained, optimizer)
  for (const { shard, stream } of shards) stream.seek(positions[shard]!)
  const change = changedData(data, program.data)
  if (change && collective.rank === 0) warn(`since ${resumeFrom} ${change}: examples come in another order than before`)
  return step
}

/** The warning when the data has changed since the checkpoint. */
function changedData(before: DataFacts | undefined, now: DataFacts | undefined): string | undefined {
  if (!before || !now) return undefined
  if (before.length !== now.length)
    return `the data went from ${before.length ?? 'endless'} to ${now.length ?? 'endless'} examples`
  if (before.fingerprint !== now.fingerprint) return `the content of the data has changed`
  return before.name === now.name ? undefined : `the data's name went from ${before.name} to ${now.name}`
}

/** Reports progress on rank 0, then this rank's part. */
async function* evaluate({ program, collective }: LoopContext, step: number): AsyncGenerator<EvaluatingEvent | EvaluationPart> {
  if (!program.evaluate) return
  const events = new Queue<EvaluatingEvent>()
  const onAnswered: ReportAnswered = (answered, total) => {
    if (collective.rank === 0) events.push({ kind: 'evaluating', step, answered, total })
  }
  const part = program.evaluate(collective, step, onAnswered)
  part.then(
    () => events.end(),
    (error: Error) => events.fail(error),
  )
  yield* events
  yield { kind: 'evaluation-part', step, ...(await part) }
}

/** Positions of all shards, in the order of shards. */
async function gatherPositions(own: OwnShard[], shards: number, collective: Collective): Promise<number[][]> {
  const numbers = own.flatMap(({ shard, stream }) => {
    const position = stream.position()
    return [shard, position.length, ...position]
  })
  const positions: number[][] = Array.from({ length: shards }, () => [])
  for (const ofRank of await collective.gather(numbers)) {
    for (let at = 0; at < ofRank.length; at += 2 + ofRank[at + 1]!)
      positions[ofRank[at]!] = ofRank.slice(at + 2, at + 2 + ofRank[at + 1]!)
  }
  return positions
}

async function saveModel(store: CheckpointStore | undefined, program: Program): Promise<void> {
  if (program.save) await store?.saveModel((folder) => program.save!(folder))
}
