import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createNewestQueue } from './newest-queue.ts'

type Step = { do: 'push'; isCounted: boolean } | { do: 'miss'; count: number } | { do: 'take' }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('push' as const), isCounted: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('miss' as const), count: fc.integer({ min: 1, max: 3 }) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
  ),
  { maxLength: 60 },
)

it('keeps its law: never more than the bound waits, order is kept, and given is delivered, dropped, uncounted or waiting', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), fc.boolean(), async (all, bound, isClosed) => {
      const released: number[] = []
      const queue = createNewestQueue<number>({ bound, release: (item) => released.push(item) })
      const delivered: number[] = []
      let [given, missed, dropped, uncounted] = [0, 0, 0, 0]
      const take = async () => {
        const taken = await queue.next()
        if (!taken) return false
        delivered.push(taken.item)
        dropped += taken.dropped
        return true
      }
      for (const step of all) {
        if (step.do === 'push') {
          if (!step.isCounted && queue.waiting === bound) uncounted++
          expect(queue.push(given++, step.isCounted)).toBe(true)
        } else if (step.do === 'miss') {
          queue.miss(step.count)
          missed += step.count
        } else if (queue.waiting > 0) {
          await take()
          // A drop is told with the item after it: when none waits, all have been told.
          if (queue.waiting === 0) expect(delivered.length + dropped + uncounted).toBe(given + missed)
        }
        expect(queue.waiting).toBeLessThanOrEqual(bound)
      }
      const unseen = queue.waiting
      if (isClosed) queue.close()
      else queue.end()
      expect(queue.push(given)).toBe(false)
      if (isClosed) expect(await take()).toBe(false)
      else {
        for (let i = 0; i < unseen; i++) expect(await take()).toBe(true)
        expect(await take()).toBe(false)
        // What was missed after the last item has no item to be told with.
        if (unseen > 0) expect(delivered.length + dropped + uncounted).toBe(given + missed)
      }
      expect(delivered).toEqual([...delivered].sort((a, b) => a - b))
      expect([...delivered, ...released].sort((a, b) => a - b)).toEqual(Array.from({ length: given + 1 }, (_, i) => i))
    }),
  )
})

it('wakes a reader that waits: for an item, for the end, for an error, for an abort', async () => {
  const queue = createNewestQueue<string>()
  const waiting = queue.next()
  queue.push('a')
  expect(await waiting).toEqual({ item: 'a', dropped: 0 })
  const aborting = new AbortController()
  const aborted = queue.next(aborting.signal)
  aborting.abort(new Error('enough'))
  await expect(aborted).rejects.toThrow('enough')
  queue.push('b')
  queue.push('c')
  const failed = queue.next().then(() => queue.next())
  queue.end({ error: new Error('unplugged') })
  await expect(failed).rejects.toThrow('unplugged')
  const ended = createNewestQueue()
  const last = ended.next()
  ended.end()
  expect(await last).toBeUndefined()
})
