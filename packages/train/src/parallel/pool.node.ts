/** Runs the ranks of a data-parallel run in worker threads and passes on their events. */
import { CasaError, fromErrorData } from '@casa-js/base'
import { mergeEvaluations, type RunEvent } from '../events.ts'
import type { EvaluationPart, LoopEvent } from '../loop.ts'
import { CheckpointError, DivergedError } from '../errors.ts'
import type { RunMessage, WorkerMessage, WorkerStart } from './protocol.ts'
import { Queue } from './queue.ts'
import { startWorker } from './start-worker.node.ts'
import { abort, createSharedMemory, requestStop, type SharedMemory } from './shared-memory.ts'

/** How long a worker may take to close after its last message. */
const CLOSE_MS = 10_000

/**
 * Runs the loop in worker threads, one per rank. All have ended when the iteration ends.
 *
 * @param begin called when every rank has built its program, before any of them trains
 * @param signal requests a stop after the current update, with a checkpoint
 * @throws the first rank's own error; CasaError for a worker that ends before its work is done
 */
export async function* runPool(
  start: Omit<WorkerStart, 'rank'>,
  warn: (message: string) => void,
  begin: () => Promise<void>,
  signal?: AbortSignal,
): AsyncGenerator<RunEvent, void, undefined> {
  const events = new Queue<LoopEvent>()
  const ready: number[] = []
  let memory: SharedMemory | undefined
  /** Ranks that have reported success or failure. */
  const ended = new Set<number>()
  let done = 0
  let failure: Error | undefined

  const fail = (error: Error) => {
    if (!failure) events.fail((failure = error))
    if (memory) abort(memory)
  }
  const receive = (rank: number, message: WorkerMessage) => {
    if (message.kind === 'done' || message.kind === 'error') ended.add(rank)
    if (message.kind === 'event') events.push(message.event)
    else if (message.kind === 'warning') warn(message.message)
    else if (message.kind === 'ready') {
      ready.push(message.parameters)
      if (ready.length < start.ranks) return
      if (new Set(ready).size > 1)
        return fail(new CasaError(`the workers built models of different sizes: ${ready.join(', ')} trained values`))
      memory = createSharedMemory(start.ranks, ready[0]!)
      if (signal?.aborted) requestStop(memory)
      const run: RunMessage = { kind: 'run', memory }
      begin().then(() => workers.forEach((worker) => worker.postMessage(run)), fail)
    } else if (message.kind === 'done') {
      if (++done === start.ranks) events.end()
    } else if (!message.aborted) fail(fromErrorData(message.error, [CheckpointError, DivergedError]))
  }
  const onStop = () => memory && requestStop(memory)
  signal?.addEventListener('abort', onStop)

  const workers = Array.from({ length: start.ranks }, (_, rank) => {
    const workerData: WorkerStart = { ...start, rank }
    return startWorker('./worker.node', { workerData })
  })
  const exits = workers.map((worker, rank) => {
    worker.on('message', (message: WorkerMessage) => receive(rank, message))
    worker.on('error', fail)
    return new Promise<void>((resolve) =>
      worker.on('exit', (code) => {
        // Exit code 0 is an error too: a worker that ends without a message leaves the others waiting for it.
        if (!ended.has(rank)) fail(new CasaError(`worker ${rank} ended with code ${code} before its work was done`))
        resolve()
      }),
    )
  })
  try {
    yield* merged(events, start.ranks)
  } finally {
    signal?.removeEventListener('abort', onStop)
    if (done < start.ranks && memory) abort(memory)
    const timer = setTimeout(() => workers.forEach((worker) => void worker.terminate()), done < start.ranks ? 0 : CLOSE_MS)
    await Promise.all(exits)
    clearTimeout(timer)
  }
}

/** The evaluation event is emitted once the parts of all ranks have arrived. */
async function* merged(events: AsyncIterable<LoopEvent>, ranks: number): AsyncGenerator<RunEvent, void, undefined> {
  const parts = new Map<number, EvaluationPart[]>()
  for await (const event of events) {
    if (event.kind !== 'evaluation-part') {
      yield event
      continue
    }
    const list = parts.get(event.step) ?? []
    parts.set(event.step, [...list, event])
    if (list.length + 1 === ranks) {
      yield mergeEvaluations(event.step, parts.get(event.step)!)
      parts.delete(event.step)
    }
  }
}
