/** A rank of a data-parallel run: its own device, its own copy of the program, the loop. */
import { parentPort, workerData } from 'node:worker_threads'
import { close, init } from '@casa-js/tensor'
import { createCheckpointStore } from '../checkpoint/store.node.ts'
import { AbortedError } from '../errors.ts'
import { groupWeights } from '../groups.ts'
import { runLoop } from '../loop.ts'
import type { ProgramModule } from '../program.ts'
import { toErrorData } from '@casa-js/base'
import type { RunMessage, WorkerMessage, WorkerStart } from './protocol.ts'
import { createSharedCollective } from './shared-collective.ts'
import { abort, stopRequested, type SharedMemory } from './shared-memory.ts'

const start = workerData as WorkerStart
const port = parentPort!
const send = (message: WorkerMessage) => port.postMessage(message)

let memory: SharedMemory | undefined
try {
  const device = await init({ device: start.device })
  const { createProgram } = (await import(start.program.module)) as ProgramModule
  const warn = (message: string) => send({ kind: 'warning', message })
  const program = await createProgram(start.program.options, { device, warn })
  try {
    const weights = groupWeights(program.params, start.loop.groups, start.loop.freeze)
    send({ kind: 'ready', parameters: weights.reduce((sum, { tensor }) => sum + tensor.size, 0) })
    const shared = (memory = await new Promise<SharedMemory>((resolve) =>
      port.once('message', (message: RunMessage) => resolve(message.memory)),
    ))
    const context = {
      program,
      device,
      collective: createSharedCollective(shared, start.rank),
      store: start.out === undefined ? undefined : createCheckpointStore(start.out, { keep: start.keep }),
      resumeFrom: start.resumeFrom,
      stopRequested: () => stopRequested(shared),
      warn,
    }
    for await (const event of runLoop(start.loop, context)) send({ kind: 'event', event })
  } finally {
    await program.close?.()
    await close()
  }
  send({ kind: 'done' })
} catch (error) {
  if (memory) abort(memory)
  send({ kind: 'error', error: toErrorData(error), aborted: error instanceof AbortedError })
}
port.close()
