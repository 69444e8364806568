import { describe, expect, it } from 'vitest'
import { createWorkerDataset } from './worker-dataset.node.ts'
const module = new URL('./fixtures/counting-dataset.ts', import.meta.url)

describe('createWorkerDataset', () => {
  it('gives every index its own example, whichever worker answers first', async () => {
    const dataset = await createWorkerDataset({ module, options: { length: 50 }, workers: 2 })
    try {
      expect([dataset.name, dataset.length]).toEqual(['counting', 50])
      const examples = await Promise.all(Array.from({ length: 50 }, (_, index) => dataset.get(index)))
      examples.forEach(({ id, messages }, index) => {
        expect(id).toBe(`n-${index}`)
        const { content } = messages[0]!
        expect(content[0]).toEqual({ type: 'image', image: { widthPx: 2, heightPx: 1, data: new Uint8Array(6).fill(index) } })
      })
    } finally {
      await dataset.close?.()
    }
    await expect(dataset.get(0)).rejects.toThrow(/is closed/)
  })

  it('hands over the errors of the dataset and goes on', async () => {
    const dataset = await createWorkerDataset({ module, options: { length: 5, brokenAt: 3 } })
    try {
      await expect(dataset.get(3)).rejects.toMatchObject({ name: 'BrokenExampleError', message: 'example 3 is torn' })
      expect((await dataset.get(4)).id).toBe('n-4')
    } finally {
      await dataset.close?.()
    }
  })

  it('says why a dataset cannot be made, and what happened to a worker that ended', async () => {
    await expect(createWorkerDataset({ module, options: { length: 0 } })).rejects.toThrow('counting: length must be at least 1')
    const absent = new URL('./fixtures/absent.ts', import.meta.url)
    await expect(createWorkerDataset({ module: absent })).rejects.toThrow(/absent\.ts/)
    const dataset = await createWorkerDataset({ module, options: { length: 5, exitAt: 2 } })
    await expect(dataset.get(2)).rejects.toThrow(/ended with code 7/)
    await expect(dataset.get(1)).rejects.toThrow(/ended with code 7/)
  })
})
