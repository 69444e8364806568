/** Starting a device, reporting which one and why, and closing it. */
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
import { ArgumentError, DeviceUnavailableError } from '@casa-js/base'
import { forgetHeld } from './held.ts'
import { byteProducts } from './wasm/byte-product.ts'
import { precision } from './wasm/kernel.ts'
import { startWasm } from './wasm/start.ts'
import { startWebgpu } from './webgpu/start.ts'

export type DeviceName = 'webgpu' | 'wasm' | 'cpu'

export interface InitOptions {
  /** 'auto' (the default) takes the first of webgpu, wasm, cpu that works; if that is cpu, it warns and gives the reasons. */
  device?: 'auto' | DeviceName
  /** Another folder for tfjs's .wasm file, with a trailing slash. Default: beside our own kernels, where bundlers put it. */
  wasmFolder?: string | undefined
  /**
   * Threads of the wasm device, from 1 to 64. Default: the physical cores, at most 8; in Node what the environment variable
   * CASA_THREADS says, and 1 in worker threads; 1 in pages that are not cross-origin isolated. The same number gives the same bits
   * on every run.
   */
  threads?: number | undefined
  /**
   * wasm only: products of up to six rows with weights in 8 or 4 bits round the rows to 16 bits per 32 columns (those in 4 bits to 8, see
   * int8Activations), which moves a result by some 1e-5 of its size and is several times faster. `true` keeps them in float32. Default false.
   */
  exact?: boolean | undefined
  /**
   * wasm with relaxed SIMD only: products with weights in 4 bits (int4, Q4_0, Q4_1, Q4_K) round the rows to 8 bits per 32 columns, as
   * llama.cpp does. Such products are twice as fast, and move by some 0.5 % of their size, far less than 4 bits have moved them
   * (docs/benchmarks/log.md). Not while gradients are computed, nor with `exact`. Default true.
   */
  int8Activations?: boolean | undefined
  /**
   * wasm in Node 24 or newer, on x64 processors with AVX2: V8's experimental flag --experimental-wasm-revectorize is set, which makes vectors of
   * 256 bits of those of 128, and kernels written for it are taken. The results keep their bits; prompts and training are 1.4 to 1.7 times
   * faster. Where it cannot be had, the device's report says why. Default: the environment variable CASA_WIDE_VECTORS is 1.
   */
  wideVectors?: boolean | undefined
  /**
   * Accept a WebGPU adapter that runs on the processor, when 'webgpu' is asked for by name. It is for tests: wasm is a hundred
   * times faster. Default: the environment variable CASA_SOFTWARE is 1.
   */
  software?: boolean
}

/** How a running device describes itself. */
export interface StartedDevice {
  /** Name of the hardware or the implementation. */
  adapter: string
  /** A WebGPU adapter that runs on the processor. */
  software?: boolean
  features: string[]
  limits: Record<string, number>
  /** wasm only: the number of threads, and why that many. */
  threads?: { count: number; reason: string }
  /** What was asked for and cannot be had, with the reason. */
  missing?: string
  /** Frees what removing the tfjs backend does not free. */
  stop?(): void | Promise<void>
}

export interface DeviceReport {
  device: DeviceName
  adapter: string
  /** Why this device: what was asked for, and why each better one was not used. */
  reason: string
  /** The adapter is software emulation of a GPU. */
  software: boolean
  /** Optional features that the device has: WebGPU features, wasm extensions. */
  features: string[]
  /** Threads that run kernels: always 1 except on wasm. */
  threads: number
  /** Limits in bytes and counts, under WebGPU's names; on wasm `heapBytes`, the largest size of its heap. */
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
      const { adapter, software = false, features, limits, threads: pool, missing } = await start(name, options)
      const why = device === 'auto' ? ['best that works here', ...passedOver] : [`asked for ${device}`]
      if (pool) why.push(`${pool.count === 1 ? '1 thread' : `${pool.count} threads`}: ${pool.reason}`)
      if (missing !== undefined) why.push(missing)
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
  // The promise is stored, so that two concurrent calls start a device only once.
  const starting = running.get(name) ?? starters[name](options)
  running.set(name, starting)
  const started = await starting.catch((error: unknown) => {
    running.delete(name)
    throw error
  })
  if (name === 'wasm') {
    precision.exact = options.exact ?? false
    precision.bytes = (options.int8Activations ?? true) && started.features.includes(byteProducts)
  }
  if (!(await tf.setBackend(name))) throw new DeviceUnavailableError('the backend did not start')
  return started
}

async function startCpu(): Promise<StartedDevice> {
  // Otherwise its first use prints an advertisement for a native addon that is no longer maintained.
  const cpu = tf.findBackend('cpu') as MathBackendCPU
  cpu['firstUse'] = false
  return { adapter: 'JavaScript', features: [], limits: {} }
}

/**
 * The report of the current device: name, adapter, why it was chosen, features and limits, as init() returned it.
 * @throws DeviceUnavailableError before init()
 */
export function report(): DeviceReport {
  if (!current) throw new DeviceUnavailableError('no device yet: await init() first')
  return current
}

let closings = 0

/** How often close() has been called. Tensors made before the last call no longer have a device. */
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
  forgetHeld()
  current = undefined
}
