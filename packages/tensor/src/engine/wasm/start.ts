/** Starting the wasm backend: tfjs's own module, then ours on the same memory. */
import { defaultThreads, locationOf, readKernelModule, startThread, wantsWideVectors, widenVectors } from '#platform'
import * as tf from '@tensorflow/tfjs-core'
import { DeviceUnavailableError } from '@casa-js/base'
import type { InitOptions, StartedDevice } from '../init.ts'
import { byteProducts, proven, provenWays, race, raceOfSteps } from './byte-product.ts'
import { replaceAdd } from './add.ts'
import type { KernelModule } from './exports.ts'
import { flushBeforeOthers } from './flush.ts'
import { Heap } from './heap.ts'
import { attachKernels, flushKernels, type WasmBackend } from './device.ts'
import { KernelQueue } from './queue.ts'
import { ThreadPool } from './thread-pool.ts'

/** @throws DeviceUnavailableError if the requested threads cannot be started */
export async function startWasm({ wasmFolder, threads: asked, wideVectors }: InitOptions): Promise<StartedDevice> {
  const { threads, reason } = asked === undefined ? defaultThreads() : { threads: asked, reason: 'asked for' }
  const variant = threads > 1 ? '-shared' : ''
  // Imported lazily: a page that runs on the GPU need not load it.
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
  // tfjs's own threaded build uses a heap that our module was not built for; our threads share the heap of its plain build.
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false)
  const file = 'tfjs-backend-wasm-simd.wasm'
  const place = wasmFolder === undefined ? locationOf(`tfjs-backend-wasm-simd${variant}.wasm`) : wasmFolder + file
  setWasmPaths({ [file]: place, 'tfjs-backend-wasm.wasm': place, 'tfjs-backend-wasm-threaded-simd.wasm': place })
  if (!(await tf.setBackend('wasm'))) throw new DeviceUnavailableError(`tfjs could not start its wasm backend from ${place}`)

  const relaxed = WebAssembly.validate(relaxedProbe)
  const backend = tf.backend() as WasmBackend
  const { wasm } = backend
  const heap = new Heap(wasm, flushKernels)
  const { memory } = wasm.asm
  const asksForWide = wideVectors ?? wantsWideVectors()
  const notWide = asksForWide ? widenVectors() : undefined
  const wide = asksForWide && notWide === undefined
  const binary = await readKernelModule(`kernels${wide ? '-wide' : relaxed ? '-relaxed' : ''}${variant}.wasm`)
  const module = await WebAssembly.compile(binary as BufferSource as ArrayBuffer)
  const exports = (await WebAssembly.instantiate(module, { env: { memory } })).exports as KernelModule
  const pool =
    threads > 1
      ? new ThreadPool(threads, exports, { module, memory }, (bytes) => wasm._malloc(bytes) >>> 0, startThread)
      : undefined
  await pool?.started()
  const queue = new KernelQueue(backend, exports, pool, heap)
  attachKernels({ exports, pool, heap, queue })
  const ways = (proven.ways = relaxed ? provenWays(exports, backend, wide) : [])
  race.start(ways)
  // Few rows have no taller tiles.
  raceOfSteps.start(ways.filter((way) => way < 2))
  flushBeforeOthers(backend)
  replaceAdd()
  return {
    adapter: 'WebAssembly SIMD',
    features: [
      'simd',
      ...(relaxed ? ['relaxed-simd'] : []),
      ...(wide ? ['wide-vectors'] : []),
      ...(ways.length > 0 ? [byteProducts] : []),
    ],
    limits: { heapBytes: 2 ** 32 },
    threads: { count: threads, reason },
    ...(notWide !== undefined && { missing: notWide }),
    stop: () => {
      queue.close()
      attachKernels(undefined)
      return pool?.stop()
    },
  }
}

/** The smallest module with an f32x4.relaxed_madd: (func (result v128) three zero vectors, relaxed_madd). */
const relaxedProbe = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // type: () -> v128
  ...[0x03, 0x02, 0x01, 0x00], // one function
  ...[0x0a, 0x13, 0x01, 0x11, 0x00], // its body, 17 bytes
  ...[0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f], // i32.const 0, i8x16.splat
  ...[0xfd, 0x85, 0x02, 0x0b], // f32x4.relaxed_madd, end
])
