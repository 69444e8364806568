/** Runs one example, away from the page: an example that never ends can be ended. */
import { runExample } from './run-example.ts'

/** What the worker tells the page. */
export type ExampleEvent = { kind: 'line'; text: string } | { kind: 'end' } | { kind: 'error'; text: string }

const tell = (event: ExampleEvent) => postMessage(event)

addEventListener('message', async ({ data }: MessageEvent<string>) => {
  try {
    await runExample(data, (text) => tell({ kind: 'line', text }))
    tell({ kind: 'end' })
  } catch (error) {
    tell({ kind: 'error', text: error instanceof Error ? `${error.name}: ${error.message}` : String(error) })
  }
})
