import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Dataset, Message } from '@casa-js/core'
import { BrokenExampleError } from './broken-example.ts'
import { createBatchStream, type BatchOptions } from './batches.ts'

/** Example i holds (i % 5) + 1 tokens and a picture of (i % 3) + 1 image tokens. */
function counting(length: number): Dataset {
  return {
    name: 'counting',
    length,
    get: async (index) => {
      // Later examples finish first, as can happen with workers.
      await new Promise((done) => setTimeout(done, index % 2 === 0 ? 2 : 0))
      const image = { widthPx: (index % 3) + 1, heightPx: 1, data: new Uint8Array(3 * ((index % 3) + 1)) }
      const content: Message['content'] = [
        { type: 'image', image },
        { type: 'text', text: String(index) },
      ]
      return { id: `n-${index}`, task: 'count', messages: [{ role: 'user', content }] }
    },
  }
}

const options: BatchOptions = {
  encode: (messages) => {
    const [picture, question] = messages[0]!.content
    if (picture?.type !== 'image' || question?.type !== 'text') throw new Error('not a counting example')
    const tokens = (Number(question.text) % 5) + 1
    return {
      ids: new Int32Array(tokens).fill(Number(question.text)),
      answer: new Uint8Array(tokens).fill(1),
      images: [{ before: 0, image: picture.image }],
    }
  },
  model: {
    process: ({ widthPx, heightPx, data }) => ({
      values: Float32Array.from(data),
      grid: { rows: heightPx, columns: widthPx },
      valuesPerPatch: 3,
    }),
    vision: { tokens: ({ rows, columns }) => rows * columns, outputGrid: (grid) => grid },
  },
  maxTextTokens: 12,
  maxImageTokens: 7,
  seed: 3,
  prefetch: 4,
}

async function take(stream: ReturnType<typeof createBatchStream>, batches: number) {
  const taken: string[][] = []
  for (let batch = 0; batch < batches; batch++) taken.push((await stream.next(0)).examples)
  return taken
}

describe('createBatchStream', () => {
  it('reads a generator in order, keeps the budgets and fills them', async () => {
    const stream = createBatchStream(counting(Infinity), options)
    let next = 0
    for (let batch = 0; batch < 12; batch++) {
      const { batch: packed, examples, tokens, counted } = await stream.next(batch)
      const { layout } = packed
      expect(tokens).toBe(layout.tokens)
      // The first token of a sample is never predicted.
      expect(counted).toBe(tokens - examples.length)
      for (const id of examples) expect(id).toBe(`n-${next++}`)
      const imageTokens = layout.images.reduce((sum, { tokens }) => sum + tokens, 0)
      expect(layout.tokens).toBeLessThanOrEqual(12)
      expect(imageTokens).toBeLessThanOrEqual(7)
      // The next example would not have fitted.
      expect(layout.tokens + (next % 5) + 1 > 12 || imageTokens + (next % 3) + 1 > 7).toBe(true)
    }
  })

  it('shows every example once an epoch, each epoch in another order', async () => {
    const stream = createBatchStream(counting(20), options)
    const ids: string[] = []
    while (ids.length < 40) ids.push(...(await stream.next(0)).examples)
    const [first, second] = [ids.slice(0, 20), ids.slice(20, 40)]
    expect(new Set(first).size).toBe(20)
    expect(new Set(second).size).toBe(20)
    expect(first).not.toEqual(second)
  })

  it('goes on from a position exactly where it was taken', async () => {
    const whole = await take(createBatchStream(counting(17), options), 12)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 11 }), async (cut) => {
        const before = createBatchStream(counting(17), options)
        await take(before, cut)
        const after = createBatchStream(counting(17), options)
        await take(after, 2)
        after.seek(JSON.parse(JSON.stringify(before.position())))
        expect(await take(after, 12 - cut)).toEqual(whole.slice(cut))
      }),
      { numRuns: 12 },
    )
  })

  it('says which example is over a budget, or leaves it out and says so', async () => {
    const small = { ...options, maxTextTokens: 4 }
    await expect(take(createBatchStream(counting(Infinity), small), 4)).rejects.toThrow(/example n-4: 5 text and 2 image tokens/)
    const skipped: string[] = []
    const stream = createBatchStream(counting(Infinity), { ...small, onSkip: (id) => skipped.push(id) })
    const ids = (await take(stream, 6)).flat()
    expect(ids).not.toContain('n-4')
    expect(skipped[0]).toBe('n-4')
    const none = createBatchStream(counting(5), { ...options, maxImageTokens: 0, onSkip: () => {} })
    await expect(none.next(0)).rejects.toThrow(/no example can be used/)
  })

  it('hands on the error of a dataset at its turn, not before', async () => {
    const good = counting(Infinity)
    const failing: Dataset = { ...good, get: (index) => (index === 9 ? Promise.reject(new Error('torn file')) : good.get(index)) }
    const stream = createBatchStream(failing, { ...options, prefetch: 20 })
    expect((await stream.next(0)).examples[0]).toBe('n-0')
    await expect(take(stream, 9)).rejects.toThrow('torn file')
  })

  it('leaves a broken example out when told to, and goes on behind it', async () => {
    const good = counting(Infinity)
    const torn = new BrokenExampleError('rows.jsonl, line 3: torn')
    const failing: Dataset = { ...good, get: (index) => (index === 2 ? Promise.reject(torn) : good.get(index)) }
    await expect(take(createBatchStream(failing, options), 1)).rejects.toThrow('rows.jsonl, line 3: torn')
    const skipped: string[] = []
    const stream = createBatchStream(failing, { ...options, onSkip: (id, reason) => skipped.push(`${id}: ${reason}`) })
    const ids = (await take(stream, 3)).flat()
    expect(ids.slice(0, 4)).toEqual(['n-0', 'n-1', 'n-3', 'n-4'])
    expect(skipped).toEqual(['counting[2]: rows.jsonl, line 3: torn'])
  })

  it('asks ahead for no more pictures than the bytes allow', async () => {
    const pixels = 1000
    let open = 0
    let most = 0
    const photos: Dataset = {
      name: 'photos',
      length: Infinity,
      get: async (index) => {
        most = Math.max(most, ++open)
        await new Promise((done) => setTimeout(done, 1))
        const image = { widthPx: pixels, heightPx: 1, data: new Uint8Array(3 * pixels) }
        const content: Message['content'] = [
          { type: 'image', image },
          { type: 'text', text: '0' },
        ]
        return { id: `p-${index}`, task: 't', messages: [{ role: 'user', content }] }
      },
    }
    const mostOpen = async (prefetchBytes: number) => {
      open = most = 0
      const encode: BatchOptions['encode'] = (messages) => (open--, options.encode(messages))
      const stream = createBatchStream(photos, { ...options, encode, maxImageTokens: pixels, prefetch: 20, prefetchBytes })
      await take(stream, 12)
      return most
    }
    // A photo takes 3 bytes per pixel when decoded, and 12 as float32 patches.
    const bytes = 15 * pixels
    expect(await mostOpen(10)).toBe(1)
    expect(await mostOpen(3 * bytes)).toBeLessThanOrEqual(3)
    expect(await mostOpen(100 * bytes)).toBeGreaterThan(12)
  })

  it('refuses what cannot work', () => {
    expect(() => createBatchStream(counting(0), options)).toThrow(/holds no examples/)
    expect(() => createBatchStream(counting(3), { ...options, maxTextTokens: 0 })).toThrow(/maxTextTokens/)
    for (const position of [[0.5], [-1], [], [1, 2]])
      expect(() => createBatchStream(counting(3), options).seek(position)).toThrow(/a position is one count/)
  })
})
