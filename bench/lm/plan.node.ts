/**
 * What a planned decode step is worth: a token op by op and from the plan, in turns in one process, and both again with kernels that do
 * nothing, which leaves the time outside kernels. Prints one line of JSON, a list of LmExtra.
 *
 *   plan.node.ts MODEL THREADS CONTEXT TOKENS
 */
import { close, init } from '@casa-js/tensor'
import { createSession, loadModel } from '@casa-js/vlm'
import { runningDevice } from '../../packages/tensor/src/engine/wasm/device.ts'
import { least, per, promptIds, timed, type LmExtra, type Timing } from './lm.ts'

const [model, threads, context, tokens] = process.argv.slice(2) as [string, string, string, string]
const [contextTokens, count] = [Number(context), Number(tokens)]
/** The first steps are traced. */
const tracedSteps = 4
const turns = 8

await init({ device: 'wasm', threads: Number(threads) })
const loaded = await loadModel(model, { weights: 'compressed' })

async function start(plan: boolean) {
  const capacityTokens = contextTokens + tracedSteps + turns * count
  const session = createSession(loaded, { capacityTokens, plan })
  await session.append({ ids: promptIds(contextTokens), images: [] })
  const step = () => session.append({ ids: Int32Array.of(1000), images: [] })
  for (let i = 0; i < tracedSteps; i++) await step()
  return { step, dispose: () => session.dispose() }
}

/** The least of several turns of either, per token. */
async function inTurns(): Promise<[Timing, Timing]> {
  const sessions = [await start(false), await start(true)]
  const times: [Timing[], Timing[]] = [[], []]
  for (let turn = 0; turn < turns; turn++) {
    for (const [i, { step }] of sessions.entries()) {
      const [, all] = await timed(async () => {
        for (let n = 0; n < count; n++) await step()
      })
      times[i]!.push(per(all, count))
    }
  }
  for (const session of sessions) session.dispose()
  return [least(times[0]), least(times[1])]
}

const whole = await inTurns()
// Kernels that do nothing.
runningDevice('this bench').queue.run = () => {}
const outside = await inTurns()
loaded.dispose()
await close()

const setting = `${model.split('/').at(-1)}, ${contextTokens} tokens in the cache, ${threads} thread(s)`
const extras: LmExtra[] = [
  { what: 'a token, op by op', setting, ...whole[0] },
  { what: 'a token, planned', setting, ...whole[1] },
  { what: 'a token, op by op, outside kernels', setting, ...outside[0] },
  { what: 'a token, planned, outside kernels', setting, ...outside[1] },
]
console.log(JSON.stringify(extras))
