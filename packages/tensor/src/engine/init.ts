/** Choosing a device, saying which and why, and letting go of it. */
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
import { ArgumentError, DeviceUnavailableError } from '@casa-js/base'
import { startWasm } from './wasm/start.ts'
import { startWebgpu } from './webgpu/start.ts'

export type DeviceName = 'webgpu' | 'wasm' | 'cpu'

export interface InitOptions {
  /** 'auto' (the default) takes the first that works of webgpu, wasm, cpu; on plain cpu it warns, with the reasons. */
  device?: 'auto' | DeviceName
  /** Another place for tfjs's .wasm file, with a trailing slash. Default: beside our own kernels, where bundlers put it. */
  wasmFolder?: string | undefined
  /**
   * Threads of the wasm device, from 1 to 64. Default: the physical cores, at most 8; in Node what the environment variable
   * CASA_THREADS says, and 1 in worker threads; 1 in pages that are not cross-origin isolated. The same number gives the same bits
   * on every run.
   */
  threads?: number | undefined
  /**
   * Accept a WebGPU adapter that runs on the processor, when 'webgpu' is asked for by name. It is for tests: wasm is a hundred
   * times faster. Default: the environment variable CASA_SOFTWARE is 1.
   */
  software?: boolean
}

/** What a device says of itself once it runs. */
export interface StartedDevice {
  /** Name of the hardware or the implementation. */
  adapter: string
  /** A WebGPU adapter that runs on the processor. */
  software?: boolean
  features: string[]
  limits: Record<string, number>
  /** Of wasm: threads that work, and why so many. */
  threads?: { count: number; reason: string }
  /** Free what removing the tfjs backend does not. */
  stop?(): void | Promise<void>
}

export interface DeviceReport {
  device: DeviceName
  adapter: string
  /** Why this device: what was asked for, and why each better one was passed over. */
  reason: string
  /** The adapter only imitates a GPU. */
  software: boolean
  /** What the device offers beyond the least: WebGPU features, wasm extensions. */
  features: string[]
  /** Threads that kernels work on: 1 but on wasm. */
  threads: number
  /** By WebGPU's names, in bytes and counts; of wasm `heapBytes`, the most that its heap can hold. */
  limits: Record<string, number>
}

const mostThreads = 64

const order: DeviceName[] = ['webgpu', 'wasm', 'cpu']
const starters: Record<DeviceName, (options: InitOptions) => Promise<StartedDevice>> = {
  webgpu: startWebgpu,
  wasm: startWasm,
  cpu: startCpu,
}
const running = new Map<DeviceName, Promise<StartedDevice>>()
let current: DeviceReport | undefined

/**
 * Make a device the current one, starting it if needed. Tensors of another device stay valid until close().
 * @throws DeviceUnavailableError if the device asked for cannot run here; ArgumentError if `threads` is not in 1 .. 64.
 */
export async function init(options: InitOptions = {}): Promise<DeviceReport> {
  const { device = 'auto', threads } = options
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= mostThreads))
    throw new ArgumentError(`init: threads must be an integer in 1 .. ${mostThreads}, got ${threads}`)
  if (device !== 'auto' && !order.includes(device))
    throw new DeviceUnavailableError(`device '${device}': expected auto, ${order.join(', ')}`)
  const passedOver: string[] = []
  for (const name of device === 'auto' ? order : [device]) {
    try {
      const { adapter, software = false, features, limits, threads: pool } = await start(name, options)
      const why = device === 'auto' ? ['best that works here', ...passedOver] : [`asked for ${device}`]
      if (pool) why.push(`${pool.count === 1 ? '1 thread' : `${pool.count} threads`}: ${pool.reason}`)
      const reason = why.join('; ')
      if (device === 'auto' && name === 'cpu')
        console.warn(`casa-js: running on plain JavaScript, many times slower than wasm. ${passedOver.join('; ')}`)
      return (current = { device: name, adapter, reason, software, features, threads: pool?.count ?? 1, limits })
    } catch (error) {
      passedOver.push(`${name}: ${error instanceof Error ? error.message : error}`)
    }
  }
  throw new DeviceUnavailableError(passedOver.join('; '))
}

async function start(name: DeviceName, options: InitOptions): Promise<StartedDevice> {
  // The promise is what is kept, so that two calls at once start a device once.
  const starting = running.get(name) ?? starters[name](options)
  running.set(name, starting)
  const started = await starting.catch((error: unknown) => {
    running.delete(name)
    throw error
  })
  if (!(await tf.setBackend(name))) throw new DeviceUnavailableError('the backend did not start')
  return started
}

async function startCpu(): Promise<StartedDevice> {
  // Or its first use prints an advertisement for a native addon that is no longer maintained.
  const cpu = tf.findBackend('cpu') as MathBackendCPU
  cpu['firstUse'] = false
  return { adapter: 'JavaScript', features: [], limits: {} }
}

/**
 * What the current device says of itself: name, adapter, why it was chosen, features and limits, as init() returned it.
 * @throws DeviceUnavailableError before init()
 */
export function report(): DeviceReport {
  if (!current) throw new DeviceUnavailableError('no device yet: await init() first')
  return current
}

let closings = 0

/** How often close() was called: what was made before the last time has no device any more. */
export const timesClosed = (): number => closings

/** Free every device with all its tensors, so that Node can exit. init() may be called again. */
export async function close(): Promise<void> {
  closings++
  for (const [name, starting] of running) {
    const started = await starting
    // removeBackend forgets how to make the backend; init() may need it again.
    const factory = tf.findBackendFactory(name)
    tf.removeBackend(name)
    tf.registerBackend(name, factory)
    await started.stop?.()
  }
  running.clear()
  current = undefined
}
