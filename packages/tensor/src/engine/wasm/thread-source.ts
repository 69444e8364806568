/**
 * The source of a kernel thread, as text: a separate file would have to be found by every bundler and loader.
 * It waits for a call, runs the requested kernel, and reports when it is done; `data` is a ThreadData.
 */
import { line, mostArguments, shared, spins } from './thread-pool.ts'

export const threadSource = `
function runThread(data) {
  const { exports } = new WebAssembly.Instance(data.module, { env: { memory: data.memory } })
  const kernels = data.kernelNames.map((name) => exports[name])
  const control = new Int32Array(data.control)
  const numbers = new Float64Array(data.numbers)
  const at = data.index * ${line.length}
  const all = control.length - ${line.length}
  for (let seen = 0; ; ) {
    let turn = seen
    for (let i = 0; turn === seen && i < ${spins}; i++) turn = Atomics.load(control, at + ${line.turn})
    while (turn === seen) {
      Atomics.wait(control, at + ${line.turn}, seen)
      turn = Atomics.load(control, at + ${line.turn})
    }
    seen = turn
    const kernel = control[at + ${line.kernel}]
    if (kernel < 0) return
    const begin = data.index * ${mostArguments}
    try {
      kernels[kernel](...numbers.subarray(begin, begin + control[at + ${line.arguments}]))
    } catch {
      Atomics.store(control, all + ${shared.failed}, data.index)
    }
    if (Atomics.sub(control, all + ${shared.pending}, 1) === 1) Atomics.notify(control, all + ${shared.pending})
  }
}`
