/** The page's side of an example that runs: a worker of its own, which ends with it. */
import type { ExampleEvent } from './example-worker.ts'

/** A running example. */
export interface RunningExample {
  /** Resolves when it has ended, by itself, by an error or by `stop`. */
  ended: Promise<void>
  /** Ends it at once, whatever it does. */
  stop(): void
}

/**
 * Start TypeScript source.
 * @param log receives each line that it logs, and at last the error that ended it, which is `wrong`
 */
export function startExample(source: string, log: (text: string, wrong: boolean) => void): RunningExample {
  const worker = new Worker(new URL('./example-worker.ts', import.meta.url), { type: 'module' })
  let end = () => {}
  const ended = new Promise<void>((resolve) => {
    end = () => {
      worker.terminate()
      resolve()
    }
  })
  worker.addEventListener('message', ({ data }: MessageEvent<ExampleEvent>) => {
    if (data.kind !== 'end') log(data.text, data.kind === 'error')
    if (data.kind !== 'line') end()
  })
  worker.addEventListener('error', ({ message }) => {
    log(message || 'The code of the examples could not be loaded: reload the page.', true)
    end()
  })
  worker.postMessage(source)
  return { ended, stop: () => end() }
}
