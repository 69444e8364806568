/**
 * The loop that every rank of a run goes through: updates, checkpoints, evaluations, the wish to stop.
 *
 * All ranks decide alike at the same step, for they wait for one another. Rank 0 alone writes and tells of updates; each rank
 * hands out its own part of an evaluation.
 */
import type { DeviceReport } from '@casa-js/tensor'
import type { CheckpointContent, CheckpointStore, RunConfig } from './checkpoint/content.ts'
import type { CheckpointEvent, EndEvent, EvaluatingEvent, StartEvent, StepEvent } from './events.ts'
import { groupWeights, type GroupRule } from './groups.ts'
import { Adamw, type AdamwOptions } from './optimizer.ts'
import type { Collective } from './parallel/collective.ts'
import { Queue } from './parallel/queue.ts'
import type { BatchStream, Evaluation, Program, TellAnswered } from './program.ts'
import { Rate } from './rate.ts'
import { checkSchedule, type Schedule } from './schedule.ts'
import { trainStep } from './step.ts'

/** Plain data: it travels to workers. */
export interface LoopOptions {
  schedule: Schedule
  groups: GroupRule[]
  freeze?: string[] | undefined
  adamw?: AdamwOptions
  /** Largest gradient norm; without it gradients are not clipped. */
  clip?: number
  /** Micro-batches in an update. Each rank takes every `ranks`-th. */
  shards: number
  /** Updates between checkpoints. There is always one at the end. */
  checkpointEvery?: number
  /** Updates between evaluations. There is always one at the end. */
  evaluateEvery?: number | undefined
  config: RunConfig
}

export interface LoopContext {
  program: Program
  collective: Collective
  device: DeviceReport
  /** Where checkpoints go; without it none are written. */
  store?: CheckpointStore | undefined
  /** A checkpoint to go on from, already checked. */
  resumeFrom?: string | undefined
  stopRequested(): boolean
}

/** One rank's part of an evaluation, before they are merged. */
export interface EvaluationPart extends Evaluation {
  kind: 'evaluation-part'
  step: number
}

export type LoopEvent = StartEvent | StepEvent | CheckpointEvent | EndEvent | EvaluatingEvent | EvaluationPart

export async function* runLoop(options: LoopOptions, context: LoopContext): AsyncGenerator<LoopEvent, void, undefined> {
  const { program, collective, store, device } = context
  const schedule = checkSchedule(options.schedule)
  const weights = groupWeights(program.params, options.groups, options.freeze)
  const optimizer = new Adamw(weights, options.adamw)
  const streams = await openStreams(program, options.shards, collective)
  try {
    let done = 0
    if (store && context.resumeFrom) {
      const { step, positions } = await store.restore(context.resumeFrom, program.params, optimizer)
      streams.forEach(({ shard, stream }) => stream.seek(positions[shard]!))
      done = step
    }
    const isLast = () => done === schedule.steps
    if (collective.rank === 0) {
      const trained = weights.reduce((sum, { tensor }) => sum + tensor.size, 0)
      const parameters = Object.values(program.params).reduce((sum, { size }) => sum + size, 0)
      yield { kind: 'start', step: done, steps: schedule.steps, workers: collective.ranks, device, parameters, trained }
    }

    const stepContext = { ...context, streams: streams.map(({ stream }) => stream), optimizer, schedule, clip: options.clip }
    const peakRate = Math.max(...weights.map(({ learningRate }) => learningRate))
    const rate = new Rate()
    let stopped = false
    const evaluation = async function* (): AsyncGenerator<EvaluatingEvent | EvaluationPart> {
      if (!program.evaluate || !(isLast() || (!stopped && isDue(done, options.evaluateEvery)))) return
      const told = new Queue<EvaluatingEvent>()
      const tell: TellAnswered = (answered, total) => {
        if (collective.rank === 0) told.push({ kind: 'evaluating', step: done, answered, total })
      }
      const part = program.evaluate(collective, done, tell)
      part.then(
        () => told.end(),
        (error: Error) => told.fail(error),
      )
      yield* told
      yield { kind: 'evaluation-part', step: done, ...(await part) }
    }

    if (done > 0) {
      // What follows a checkpoint may have been cut off.
      if (isLast() && collective.rank === 0) await saveModel(store, program)
      yield* evaluation()
    }
    while (!isLast() && !stopped) {
      const startMs = performance.now()
      const { loss, gradientNorm, factor, tokens, examples, stop } = await trainStep(stepContext, done)
      stopped = stop
      rate.add({ ms: performance.now() - startMs, tokens, examples })
      if (collective.rank === 0) {
        yield {
          kind: 'step',
          step: done,
          loss,
          gradientNorm,
          learningRate: peakRate * factor,
          ...rate.report(schedule.steps - done - 1),
        }
      }
      done++
      if (store && (isLast() || stopped || isDue(done, options.checkpointEvery))) {
        const content = {
          step: done,
          config: options.config,
          positions: await gatherPositions(streams, options.shards, collective),
          params: program.params,
          optimizer,
        }
        if (collective.rank === 0) yield await checkpoint(store, content, program)
      }
      yield* evaluation()
    }
    if (collective.rank === 0) yield { kind: 'end', step: done, stopped: stopped && !isLast() }
  } finally {
    optimizer.dispose()
  }
}

const isDue = (step: number, every: number | undefined) => every !== undefined && every > 0 && step % every === 0

interface OwnStream {
  shard: number
  stream: BatchStream
}

async function openStreams(program: Program, shards: number, { rank, ranks }: Collective): Promise<OwnStream[]> {
  const streams: OwnStream[] = []
  for (let shard = rank; shard < shards; shard += ranks) streams.push({ shard, stream: await program.stream(shard, shards) })
  return streams
}

/** Positions of all shards, in the order of shards. */
async function gatherPositions(streams: OwnStream[], shards: number, collective: Collective): Promise<number[][]> {
  const own = streams.flatMap(({ shard, stream }) => {
    const position = stream.position()
    return [shard, position.length, ...position]
  })
  const positions: number[][] = Array.from({ length: shards }, () => [])
  for (const numbers of await collective.gather(own)) {
    for (let at = 0; at < numbers.length; at += 2 + numbers[at + 1]!)
      positions[numbers[at]!] = numbers.slice(at + 2, at + 2 + numbers[at + 1]!)
  }
  return positions
}

async function checkpoint(store: CheckpointStore, content: CheckpointContent, program: Program): Promise<CheckpointEvent> {
  const folder = await store.write(content)
  await saveModel(store, program)
  return { kind: 'checkpoint', step: content.step, folder }
}

async function saveModel(store: CheckpointStore | undefined, program: Program): Promise<void> {
  if (program.save) await store?.saveModel((folder) => program.save!(folder))
}
