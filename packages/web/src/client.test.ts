/** The client and its host without a browser: what reaches the page, in which order, and that nothing waits for ever. */
import { StateError } from '@casa-js/base'
import { close, init } from '@casa-js/tensor'
import { expose } from 'comlink'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createVlmClient } from './client.ts'
import { WorkerCrashedError } from './errors.ts'
import { createHost } from './host.ts'
import type { LoadProgress, ModelInfo, WorkerApi } from './protocol.ts'
import type { ModelWorker } from './vlm-client.ts'

const model = 'https://models.test/reader/'
const progress: LoadProgress = { stage: 'weights', loadedTensors: 107, totalTensors: 107 }
const info: ModelInfo = {
  name: 'reader',
  device: { device: 'cpu', adapter: 'none', reason: 'test', software: false, features: [], threads: 1, limits: {} },
  languageModel: 'llama',
  fusion: 'casa',
  parameters: 1,
  weightBytes: 4,
  vocabulary: 1,
  loadMs: 1,
}
const never = new Promise<never>(() => {})

/** A worker in this thread, with the given parts of the protocol; the others never answer. */
function fakeWorker(parts: Partial<WorkerApi>) {
  const { port1, port2 } = new MessageChannel()
  let isTerminated = false
  expose(parts, port2)
  const worker: ModelWorker = Object.assign(port1, {
    terminate() {
      isTerminated = true
      port1.close()
    },
  })
  return { worker: () => worker, isTerminated: () => isTerminated }
}
const answering = { hello: () => {}, load: async () => ({ value: info }) }

afterEach(() => void vi.useRealTimers())

describe('callbacks', () => {
  it('are not called after their call is over', async () => {
    const seen: string[] = []
    let told: () => void = () => {}
    const late = new Promise<void>((resolve) => (told = resolve))
    const { worker } = fakeWorker({
      ...answering,
      load: async (_call, _request, onProgress) => {
        void onProgress(progress)
        // Not awaited, as no host should do: its port and the result's are not in order.
        setTimeout(() => void Promise.resolve(onProgress(progress)).then(told), 50)
        return { value: info }
      },
    })
    const client = await createVlmClient({ model, worker, onProgress: ({ stage }) => seen.push(stage) })
    seen.push('loaded')
    await late
    expect(seen.at(-1)).toBe('loaded')
    await client.dispose()
  })

  it('have all been called when the host returns, however slow the page is', async () => {
    await init({ device: 'cpu' })
    const host = createHost()
    let called = 0
    let isLoaded = false
    const outcome = await host.load(
      1,
      { model: fileURLToPath(new URL('../../../apps/cli/model', import.meta.url)), device: 'cpu', software: false },
      async (value) => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        called++
        isLoaded ||= value.stage === 'weights' && value.loadedTensors === value.totalTensors
      },
    )
    expect(outcome).toMatchObject({ value: { fusion: 'casa' } })
    expect(isLoaded).toBe(true)
    expect(called).toBeGreaterThan(2)
    await close()
  })
})

describe('nothing waits for ever', () => {
  it('dispose ends a worker that is busy, and calls in flight reject', async () => {
    const { worker, isTerminated } = fakeWorker({ ...answering, ask: () => never, caption: () => never })
    const client = await createVlmClient({ model, worker })
    const asked = client.ask([], 'Anyone?').catch((error: Error) => error)
    const live = client.caption({ onCaption: () => {} })
    const captioned = live.finished.catch((error: Error) => error)
    await client.dispose()
    expect(await asked).toBeInstanceOf(StateError)
    expect(await captioned).toBeInstanceOf(StateError)
    expect(isTerminated()).toBe(true)
    await client.dispose()
    await expect(client.ask([], 'Anyone?')).rejects.toThrow('create another')
  })

  it('a restart rejects what ran before', async () => {
    const client = await createVlmClient({ model, worker: () => fakeWorker({ ...answering, ask: () => never }).worker() })
    const asked = client.ask([], 'Anyone?').catch((error: Error) => error.message)
    await client.restart()
    expect(await asked).toContain('call again')
    await client.dispose()
  })

  it('a worker that does not answer is an error', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { worker, isTerminated } = fakeWorker({ hello: () => never, load: () => never })
    const refused = createVlmClient({ model, worker }).catch((error: Error) => error)
    await vi.advanceTimersByTimeAsync(61_000)
    expect(await refused).toBeInstanceOf(WorkerCrashedError)
    expect(isTerminated()).toBe(true)
  })

  it('an aborted load ends even if the worker does not confirm it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const aborted: number[] = []
    const { worker, isTerminated } = fakeWorker({ ...answering, load: () => never, abort: (call) => void aborted.push(call) })
    const stop = new AbortController()
    const refused = createVlmClient({ model, worker, signal: stop.signal }).catch((error: Error) => error)
    stop.abort(new Error('another model'))
    await vi.advanceTimersByTimeAsync(6_000)
    expect(await refused).toMatchObject({ message: 'another model' })
    expect(aborted).toEqual([1])
    expect(isTerminated()).toBe(true)
  })
})
