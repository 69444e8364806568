/**
 * The source of a kernel thread, as text: a separate file would have to be found by every bundler and loader.
 * It waits for a list of regions, follows the calling thread through it, and reports when it is done; `data` is a ThreadData.
 */
import { sliceBytes } from './regions.ts'
import { line, shared, spins, walkWords } from './thread-pool.ts'

export const threadSource = `
function runThread(data) {
  const { exports } = new WebAssembly.Instance(data.module, { env: { memory: data.memory } })
  const control = new Int32Array(data.control)
  const walk = new Int32Array(data.memory.buffer, data.walk, ${walkWords.length})
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
    const regions = control[at + ${line.regions}]
    if (regions < 0) return
    try {
      exports.followRegions(control[at + ${line.list}], regions, ${sliceBytes}, data.walk, data.index, control.length / ${line.length} - 1)
    } catch {
      Atomics.compareExchange(walk, ${walkWords.failed}, 0, data.index)
    }
    if (Atomics.sub(control, all + ${shared.pending}, 1) === 1) Atomics.notify(control, all + ${shared.pending})
  }
}`
