/**
 * How much of a pass is spent outside the kernels: each kind of pass as it is, and again with kernels that do nothing. Processor time of the
 * main thread, the median of several passes. What is left without kernels is what a plan could save at most.
 *
 *   outside-kernels.node.ts wasm|webgpu CASA_MODEL [TEXT_MODEL]
 *
 * CASA_MODEL is a folder such as recipes/live/model: captions, frame by frame. TEXT_MODEL gives prompts of 64 to 512 tokens. On WebGPU only
 * the second number is taken: command buffers are made and never submitted, so a software adapter says as much as a GPU.
 */
import { close, init } from '@casa-js/tensor'
import { createSession, loadModel, type Session, type VlmModel } from '@casa-js/vlm'
import { runningDevice } from '../../packages/tensor/src/engine/wasm/device.ts'
import { webgpuBackend } from '../../packages/tensor/src/testing/held-webgpu.ts'
import { promptIds } from './lm.ts'

const [device, casaModel, textModel] = process.argv.slice(2) as ['wasm' | 'webgpu', string, string | undefined]
const passes = 21
/** Until plans are made: of frames two each for two sets of tensors, after the first ones. */
const warmUp = 10

function withoutKernels(): void {
  if (device === 'wasm') {
    runningDevice('this bench').queue.run = () => {}
  } else {
    const { queue } = webgpuBackend()
    Object.defineProperty(queue, 'submit', { value: () => {} })
  }
}

const median = (list: number[]) => list.toSorted((a, b) => a - b)[list.length >> 1]!

/** The median processor time of `pass`, after some that are not counted. */
async function timed(pass: () => Promise<unknown>): Promise<number> {
  const taken: number[] = []
  for (let i = 0; i < passes + warmUp; i++) {
    const before = process.cpuUsage()
    await pass()
    const { user, system } = process.cpuUsage(before)
    taken.push((user + system) / 1000)
  }
  return median(taken.slice(warmUp))
}

const frame = { widthPx: 96, heightPx: 96, data: new Uint8Array(96 * 96 * 3).fill(90) }

async function captions(model: VlmModel): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  const capacityTokens = 1024
  const session: Session = createSession(model, { capacityTokens })
  const patches = model.process(frame)
  const look = () => {
    if (session.tokens + 40 > capacityTokens) session.truncate(0)
    return session.append({ ids: Int32Array.of(1, 2, 3), images: [{ patches, before: 2, from: 1 }] })
  }
  const say = () => session.append({ ids: Int32Array.of(4), images: [] })
  await look()
  found['frame step, encoder and all'] = await timed(look)
  found['tokens 1 and 2 after a frame'] = await timed(async () => {
    await look()
    await say()
    await say()
  })
  found['tokens 1 to 10 after a frame'] = await timed(async () => {
    await look()
    for (let i = 0; i < 10; i++) await say()
  })
  session.dispose()
  return found
}

async function prompts(model: VlmModel): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for (const tokens of [64, 256, 512]) {
    found[`prompt of ${tokens} tokens`] = await timed(async () => {
      const session = createSession(model, { capacityTokens: tokens, plan: false })
      await session.append({ ids: promptIds(tokens), images: [] })
      session.dispose()
    })
  }
  return found
}

await init({ device, software: true, threads: 1 })
const live = await loadModel(casaModel)
const text = textModel === undefined ? undefined : await loadModel(textModel)
const measure = async () => ({ ...(await captions(live)), ...(text && (await prompts(text))) })
const whole = device === 'wasm' ? await measure() : {}
withoutKernels()
const outside = await measure()
console.table(
  Object.entries(outside).map(([pass, ms]) => ({
    pass,
    'all, ms': (whole as Record<string, number>)[pass]?.toFixed(2) ?? '',
    'outside kernels, ms': ms.toFixed(2),
  })),
)
if (device === 'wasm') {
  live.dispose()
  text?.dispose()
  await close()
}
process.exit(0)
