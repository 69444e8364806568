/** The processes that `mpirun` started together: MPI between them, and a watch over each. */
import { hostname } from 'node:os'
import { deserialize, serialize } from 'node:v8'
import { AbortedError, RankLostError } from '../../errors.ts'
import { createMpiCollective, type MpiCollective } from './collective.node.ts'
import { launchedBy } from './launch.ts'
import { startMpi, type Mpi } from './library.node.ts'
import { startWatch, type Watch } from './watch.node.ts'
import type { Address, Place } from './watch-protocol.ts'

export interface World {
  readonly collective: MpiCollective
  /** Ranks on this rank's machine. */
  readonly ranksHere: number
  /** Every rank's value, by rank; goes through structured clone. */
  exchange<T>(value: T): Promise<T[]>
  /** On rank 0: names the last good checkpoint, should a rank be lost. */
  setCheckpoint(folder: string): void
  /** On other ranks: hands a warning to rank 0. */
  warn(message: string): void
  /** Leaves when all ranks have done their work. */
  leave(): Promise<void>
  /** Leaves after an error, and tells the other ranks. @returns the error to throw: another rank's own, if this one only followed it */
  fail(error: unknown): Promise<unknown>
}

/** MPI is ended with the process, if all went well; after a failure, waiting for the others would never end. */
let isBroken = false
let endsWithProcess = false

/**
 * Joins the other processes. To be called by all of them.
 *
 * @param onWarning on rank 0: receives the other ranks' warnings
 * @throws MpiError when MPI cannot be used
 */
export async function joinWorld(onWarning: (message: string) => void): Promise<World> {
  const mpi = await startMpi(launchedBy(process.env))
  finalizeAtExit(mpi)
  const watch = await startWatch({ rank: mpi.rank, ranks: mpi.ranks }, onWarning)
  const collective = createMpiCollective(mpi, () => {
    if (watch.failure) throw new AbortedError(watch.failure.message)
  })
  const exchange = async <T>(value: T) => (await collective.exchange(serialize(value))).map((bytes) => deserialize(bytes) as T)

  try {
    const { ranksHere, isWatched } = await meet(watch, exchange, mpi, onWarning)
    return {
      collective,
      ranksHere,
      exchange,
      setCheckpoint: watch.setCheckpoint,
      warn: watch.warn,
      async leave() {
        await collective.gather([])
        await watch.close()
      },
      async fail(error) {
        isBroken = true
        const own = !(error instanceof AbortedError)
        if (own) watch.fail(error)
        await watch.leave()
        if (!own) return watch.failure ?? error
        // Otherwise rank 0 reports it.
        return mpi.rank === 0 || !isWatched
          ? error
          : new AbortedError(`rank ${mpi.rank} failed: ${error instanceof Error ? error.message : String(error)}`, {
              cause: error,
            })
      },
    }
  } catch (error) {
    isBroken = true
    await watch.leave()
    throw error
  }
}

/** Connects the watches. @returns how many ranks share this rank's machine, and whether rank 0 hears of this one */
async function meet(
  watch: Watch,
  exchange: <T>(value: T) => Promise<T[]>,
  { rank }: Mpi,
  onWarning: (message: string) => void,
): Promise<{ ranksHere: number; isWatched: boolean }> {
  const own: Place & { address: Address | undefined } = { host: hostname(), pid: process.pid, address: watch.address }
  const all = await exchange(own)
  const meeting = watch.meet(
    all[0]!.address!,
    all.map(({ host, pid }) => ({ host, pid })),
  )
  // Rank 0 waits for nobody: who has reached it shows in what they say.
  const reached = await exchange(rank === 0 || (await meeting))
  if (rank === 0) {
    const unwatched = reached.flatMap((isWatched, of) => (isWatched ? [] : [of]))
    watch.setUnwatched(unwatched)
    if (unwatched.length > 0)
      onWarning(
        `rank 0 (${own.host}) cannot be reached by TCP from rank ${unwatched.join(', ')}: should one of these end, only the launcher will say so`,
      )
  }
  return { ranksHere: all.filter(({ host }) => host === own.host).length, isWatched: reached[rank]! }
}

function finalizeAtExit(mpi: Mpi): void {
  if (endsWithProcess) return
  endsWithProcess = true
  process.once('exit', () => {
    if (!isBroken) mpi.finalize()
  })
}

/** Whether an error is only the echo of what another rank reports, or has been reported on stderr. */
export function isReportedElsewhere(error: unknown): boolean {
  return AbortedError.isInstance(error) || RankLostError.isInstance(error)
}
