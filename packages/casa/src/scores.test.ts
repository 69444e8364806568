import { createRandom } from '@casa-js/core'
import { attention, dispose, scope, tensor } from '@casa-js/tensor'
import { describeOnDevices, expectNear, take } from '@casa-js/testing'
import { it } from 'vitest'
import { scoresOf } from './scores.ts'

await describeOnDevices('attention scores of one row', ({ forward }) => {
  it('are the scores with which attention weighs the values', async () => {
    const [T, rows, H, K, E] = [3, 9, 4, 2, 8]
    // The window's keys are rows 2 to 6 of a buffer.
    const [begin, end] = [2, 7]
    const random = (count: number, heads: number, seed: number) => {
      const next = createRandom(seed)
      return tensor(
        Float32Array.from({ length: count * heads * E }, () => next.normal()),
        [count, heads, E],
      )
    }
    const [q, k, v] = [random(T, H, 1), random(rows, K, 2), random(rows, K, 3)]
    const cu = { cuQ: Int32Array.of(0, 0, T), cuK: Int32Array.of(0, begin, end), causal: true }
    const attended = await take(attention(q, k, v, cu))
    const scores = await take(scope(() => scoresOf(q, k, begin, end)))
    const values = await v.data()
    const found = Array.from({ length: H * E }, (_, i) => {
      const [head, e] = [Math.floor(i / E), i % E]
      const weights = scores.subarray(head * (end - begin), (head + 1) * (end - begin)).map(Math.exp)
      const sum = weights.reduce((total, x) => total + x, 0)
      return weights.reduce(
        (total, w, row) => total + (w / sum) * values[((begin + row) * K + Math.floor((head * K) / H)) * E + e]!,
        0,
      )
    })
    expectNear('weighted values of the last query', found, attended.subarray((T - 1) * H * E), 10 * forward)
    dispose(q, k, v)
  })
})
