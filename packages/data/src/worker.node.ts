/**
 * The thread behind `createWorkerDataset`: makes the dataset, then returns examples by index; pixels are transferred, not copied.
 */
import { ArgumentError } from '@casa-js/base'
import { parentPort, workerData } from 'node:worker_threads'
import type { Dataset, Example } from '@casa-js/core'
import { reportOf, type Reply, type Request, type WorkerTask } from './worker-protocol.ts'

const port = parentPort!
const reply = (message: Reply, moved: ArrayBuffer[] = []) => port.postMessage(message, moved)

/** Buffers that hold the pixels of one image only, and so can be transferred. */
function pixelBuffers({ messages }: Example): ArrayBuffer[] {
  const buffers = messages.flatMap(({ content }) => content.flatMap((part) => (part.type === 'image' ? [part.image.data] : [])))
  const whole = buffers.filter(({ buffer, byteLength }) => buffer instanceof ArrayBuffer && buffer.byteLength === byteLength)
  return [...new Set(whole.map(({ buffer }) => buffer as ArrayBuffer))]
}

async function serve() {
  const { module, options } = workerData as WorkerTask
  const { default: createDataset } = (await import(module)) as { default?: (options: unknown) => Dataset | Promise<Dataset> }
  if (typeof createDataset !== 'function') throw new ArgumentError(`${module} has no default export that makes a dataset`)
  const dataset = await createDataset(options)
  port.on('message', async ({ request, index }: Request) => {
    try {
      const example = await dataset.get(index)
      reply({ kind: 'example', request, example }, pixelBuffers(example))
    } catch (error) {
      reply({ kind: 'broken', request, error: reportOf(error) })
    }
  })
  reply({ kind: 'ready', name: dataset.name, length: dataset.length })
}

serve().catch((error: unknown) => reply({ kind: 'failed', error: reportOf(error) }))
