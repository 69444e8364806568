/** Counts what a piece of work does on a WebGPU device: commands, and the objects created for them. */
import type { CasaWebgpuBackend } from '../engine/webgpu/backend.ts'

export interface GpuCounts {
  dispatches: number
  submits: number
  /** Calls of writeBuffer, and their bytes. */
  uploads: number
  uploadedBytes: number
  buffers: number
  bindGroups: number
  /** Bytes copied to buffers that the host maps. */
  readBytes: number
}

/** Count on the backend's device until `stop`. */
export function countOnGpu({ device, queue }: CasaWebgpuBackend): { counts: GpuCounts; stop(): void } {
  const counts: GpuCounts = { dispatches: 0, submits: 0, uploads: 0, uploadedBytes: 0, buffers: 0, bindGroups: 0, readBytes: 0 }
  const undo: (() => void)[] = []
  /** Call `before` ahead of a method of one object. */
  const watch = <K extends string, T extends Record<K, (...args: never[]) => unknown>>(
    object: T,
    name: K,
    before: (...args: Parameters<T[K]>) => void,
    after?: (result: ReturnType<T[K]>) => void,
  ) => {
    const own = Object.getOwnPropertyDescriptor(object, name)
    const method: (...args: never[]) => unknown = object[name]
    const watched = (...args: Parameters<T[K]>) => {
      before(...args)
      const result = method.apply(object, args as never[])
      after?.(result as ReturnType<T[K]>)
      return result
    }
    Object.defineProperty(object, name, { value: watched, configurable: true, writable: true })
    undo.push(() => (own ? Object.defineProperty(object, name, own) : delete object[name]))
  }
  watch(device, 'createBuffer', () => counts.buffers++)
  watch(device, 'createBindGroup', () => counts.bindGroups++)
  watch(queue, 'submit', () => counts.submits++)
  watch(queue, 'writeBuffer', (_buffer, _offset, data, begin, size) => {
    counts.uploads++
    counts.uploadedBytes += size ?? data.byteLength - (begin ?? 0)
  })
  watch(
    device,
    'createCommandEncoder',
    () => {},
    (encoder) => {
      watch(encoder, 'copyBufferToBuffer', (...copy: unknown[]) => {
        const [, , to, , bytes] = copy as [GPUBuffer, number, GPUBuffer, number, number]
        if (to.usage & GPUBufferUsage.MAP_READ) counts.readBytes += bytes
      })
      watch(
        encoder,
        'beginComputePass',
        () => {},
        (pass) => watch(pass, 'dispatchWorkgroups', () => counts.dispatches++),
      )
    },
  )
  return { counts, stop: () => undo.toReversed().forEach((back) => back()) }
}
