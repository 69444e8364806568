/** The main thread's side of watch-thread.node.ts: what happens to the other ranks, and what this one tells them. */
import { once } from 'node:events'
import { fromErrorData, toErrorData } from '@casa-js/base'
import { AbortedError, CheckpointError, DivergedError, MpiError, RankLostError } from '../../errors.ts'
import { startWorker } from '../start-worker.node.ts'
import type { Address, Order, Place, Report, WatchStart } from './watch-protocol.ts'

/** How long the others may take to end after this rank. */
const CLOSE_MS = 5_000

export interface Watch {
  /** Where to connect to; rank 0 alone has one. */
  readonly address: Address | undefined
  /** Why the run cannot go on: another rank failed or is gone. */
  readonly failure: Error | undefined
  /** Connects the ranks. @returns whether this rank is watched: false if it cannot reach rank 0 */
  meet(address: Address, places: Place[]): Promise<boolean>
  /** On rank 0: the ranks that could not connect. */
  setUnwatched(ranks: number[]): void
  /** On rank 0: names the last good checkpoint, should a rank be lost. */
  setCheckpoint(folder: string): void
  /** On other ranks: hands a warning to rank 0. */
  warn(message: string): void
  /** Tells all ranks that this one failed. */
  fail(error: unknown): void
  /** Ends the watch when all ranks have done their work. */
  close(): Promise<void>
  /** Ends the watch after a failure: on rank 0 at once, on other ranks when rank 0 has ended, or does not end. */
  leave(): Promise<void>
}

/**
 * Starts the thread that watches.
 *
 * @param onWarning on rank 0: receives the other ranks' warnings
 */
export async function startWatch(start: WatchStart, onWarning: (message: string) => void): Promise<Watch> {
  const worker = startWorker('./mpi/watch-thread.node', { workerData: start })
  const order = (message: Order) => worker.postMessage(message)
  const exited = once(worker, 'exit')
  let address: Address | undefined
  let failure: Error | undefined
  let isListening = () => {}
  let hasMet: (isWatched: boolean) => void = () => {}
  let isEnding = false

  const refuse = (error: Error) => {
    failure ??= error
    isListening()
    hasMet(false)
  }
  worker.on('error', (error) =>
    refuse(new MpiError(`the thread that watches the other ranks failed: ${error.message}`, { cause: error })),
  )
  worker.on('message', (message: Report) => {
    if (message.kind === 'listening') {
      address = message.address
      isListening()
    } else if (message.kind === 'met') hasMet(message.isWatched)
    else if (message.kind === 'warning') onWarning(message.message)
    else if (message.kind === 'lost') failure ??= new RankLostError(message.message)
    else if (start.rank === 0) failure ??= fromErrorData(message.error, [CheckpointError, DivergedError, MpiError])
    else failure ??= new AbortedError(`rank ${message.rank} of ${start.ranks} failed: ${message.error.message}`)
  })
  if (start.rank === 0) await new Promise<void>((resolve) => (isListening = resolve))

  async function close(): Promise<void> {
    if (isEnding) return
    isEnding = true
    order({ kind: 'finish' })
    const timer = setTimeout(() => void worker.terminate(), CLOSE_MS)
    await exited
    clearTimeout(timer)
  }

  return {
    get address() {
      return address
    },
    get failure() {
      return failure
    },
    meet(of, places) {
      const met = new Promise<boolean>((resolve) => (hasMet = resolve))
      order({ kind: 'meet', address: of, places })
      return met
    },
    setUnwatched: (ranks) => order({ kind: 'unwatched', ranks }),
    setCheckpoint: (folder) => order({ kind: 'checkpoint', folder }),
    warn: (message) => order({ kind: 'warning', message }),
    fail: (error) => order({ kind: 'failed', error: toErrorData(error) }),
    close,
    async leave() {
      // Its connections stay open until this process ends, which tells the others that it has.
      worker.unref()
      if (start.rank > 0) await close()
    },
  }
}
