/** The bytes of a file that is still being written, as a stream that waits for more at the end. */
import { open } from 'node:fs/promises'
import { sleep } from './newest.ts'

const chunkBytes = 1 << 16
const pollMs = 100

/** Ends when the file has not grown for `idleMs`, or the signal aborts. */
export function followFile(path: string, idleMs: number, signal: AbortSignal): ReadableStream<Uint8Array> {
  const opening = open(path)
  let at = 0
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const file = await opening
      const buffer = new Uint8Array(chunkBytes)
      for (let waitedMs = 0; waitedMs <= idleMs && !signal.aborted; waitedMs += pollMs) {
        const { bytesRead } = await file.read(buffer, 0, chunkBytes, at)
        at += bytesRead
        if (bytesRead > 0) return controller.enqueue(buffer.subarray(0, bytesRead))
        await sleep(pollMs, signal)
      }
      await file.close()
      controller.close()
    },
    async cancel() {
      await (await opening).close()
    },
  })
}
