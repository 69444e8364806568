/** Giving way: on wasm and cpu nothing else ends a task, so without this no timer, signal or click is heard until an answer is over. */

/** Resolves in a task of its own, after the timers, messages and clicks that wait. setTimeout would wait 4 ms in a page. */
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
