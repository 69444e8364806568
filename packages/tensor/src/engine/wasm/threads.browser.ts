/** Kernel threads in a page: web workers, if the page may share memory with them. */
import { DeviceUnavailableError } from '@casa-js/base'
import { threadSource } from './thread-source.ts'
import type { Thread, ThreadData } from './thread-pool.ts'

const mostByDefault = 8
/** Up to this many logical processors all are used; above, two are counted as one core. */
const fewProcessors = 4

/** A thread that has not answered by then never will. */
const startLimitMs = 60_000

/** Default number of threads: one if the page is not cross-origin isolated, else an estimate of the physical cores, at most 8. */
export function defaultThreads(): { threads: number; reason: string } {
  if (!globalThis.crossOriginIsolated) return { threads: 1, reason: 'the page is not cross-origin isolated' }
  const processors = navigator.hardwareConcurrency
  const cores = processors <= fewProcessors ? processors : Math.ceil(processors / 2)
  return { threads: Math.min(mostByDefault, cores), reason: `${processors} logical processors` }
}

/** @throws DeviceUnavailableError where the page is not cross-origin isolated, and so may not share memory. */
export function startThread(data: ThreadData): Thread {
  if (!globalThis.crossOriginIsolated) {
    throw new DeviceUnavailableError(
      'several threads need a cross-origin isolated page: serve it with Cross-Origin-Opener-Policy: same-origin and ' +
        'Cross-Origin-Embedder-Policy: require-corp',
    )
  }
  const source = `${threadSource}\nonmessage = ({ data }) => { postMessage('ready'); runThread(data) }`
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }))
  const worker = new Worker(url)
  worker.postMessage(data)
  let late: ReturnType<typeof setTimeout>
  const ready = new Promise<void>((resolve, reject) => {
    const refuse = (why: string) => reject(new DeviceUnavailableError(`a kernel thread did not start: ${why}`))
    worker.addEventListener('message', () => resolve(), { once: true })
    worker.addEventListener('error', ({ message }) => refuse(message))
    late = setTimeout(() => refuse(`no answer within ${startLimitMs / 1000} seconds`), startLimitMs)
  }).finally(() => {
    clearTimeout(late)
    URL.revokeObjectURL(url)
  })
  return {
    ready,
    onEnd: (report) => worker.addEventListener('error', ({ message }) => report(message)),
    stop: async () => worker.terminate(),
  }
}
