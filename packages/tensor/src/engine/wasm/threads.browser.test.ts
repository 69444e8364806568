/** Threads in a page. Runs in Chromium only, served cross-origin isolated (vitest.browser.config.ts). */
import { afterEach, expect, it } from 'vitest'
import * as ops from '../../index.ts'
import { randomValues } from '../../testing/random.ts'
import { sharing } from './kernel.ts'

const inPage = typeof window !== 'undefined'
const { workPerThread } = sharing

afterEach(async () => {
  sharing.workPerThread = workPerThread
  await ops.close()
})

it.skipIf(!inPage)('share the work of a kernel in a cross-origin isolated page, with the same bits every time', async () => {
  expect(globalThis.crossOriginIsolated).toBe(true)
  sharing.workPerThread = 1
  const product = async () => {
    const c = ops.scope(() => {
      const [x, w] = [ops.tensor(randomValues(70 * 96, 1), [70, 96]), ops.tensor(randomValues(130 * 96, 2), [130, 96])]
      return ops.linear(x, w)
    })
    const values = (await c.data()).slice()
    ops.dispose(c)
    return values
  }
  expect(await ops.init({ device: 'wasm', threads: 2 })).toMatchObject({ threads: 2 })
  const first = await product()
  for (let run = 0; run < 20; run++) expect(await product()).toEqual(first)
  await ops.close()
  expect(await ops.init({ device: 'wasm', threads: 1 })).toMatchObject({ threads: 1 })
  const alone = await product()
  alone.forEach((value, i) => expect(first[i]!).toBeCloseTo(value, 4))
})
