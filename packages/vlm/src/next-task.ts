/** Yielding to the event loop: on wasm and cpu nothing else ends a task, so without this no timer, signal or click runs during an answer. */

/** Resolves in a new task, after pending timers, messages and clicks. setTimeout would wait 4 ms in a page. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') return void setImmediate(resolve)
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })
}
