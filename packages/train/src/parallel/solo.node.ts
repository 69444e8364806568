/** A run of one rank, in this thread: the only way on WebGPU, where one device takes all the work. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { close, init } from '@casa-js/tensor'
import { createCheckpointStore } from '../checkpoint/store.node.ts'
import { mergeEvaluations, type RunEvent } from '../events.ts'
import { runLoop } from '../loop.ts'
import type { ProgramModule } from '../program.ts'
import { solo } from './collective.ts'
import type { WorkerStart } from './protocol.ts'

/**
 * Runs the loop with one rank. The device is closed when the iteration ends.
 *
 * @param signal requests a stop after the current update, with a checkpoint
 */
export async function* runSolo(
  start: Omit<WorkerStart, 'rank' | 'ranks'>,
  warn: (message: string) => void,
  signal?: AbortSignal,
): AsyncGenerator<RunEvent, void, undefined> {
  const device = await init({ device: start.device })
  try {
    const { createProgram } = (await import(start.program.module)) as ProgramModule
    const program = await createProgram(start.program.options, { device, warn })
    try {
      const context = {
        program,
        device,
        collective: solo,
        store: start.out === undefined ? undefined : createCheckpointStore(start.out, { keep: start.keep }),
        resumeFrom: start.resumeFrom,
        stopRequested: () => signal?.aborted ?? false,
        warn,
      }
      for await (const event of runLoop(start.loop, context)) {
        // On wasm and cpu an update never yields: without a turn of the event loop no signal or timer would be handled.
        if (event.kind === 'step') await nextTurn()
        yield event.kind === 'evaluation-part' ? mergeEvaluations(event.step, [event]) : event
      }
    } finally {
      await program.close?.()
    }
  } finally {
    await close()
  }
}
