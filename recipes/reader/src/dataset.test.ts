import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Dataset, Example, RgbImage } from '@casa-js/core'
import { createReadingDataset, defaultShares, openJsonlDataset, taskNames } from '@casa-js/data'
import type { Material, ReadingOptions, TaskName } from '@casa-js/data'
import { evaluatedTasks, readerTasks } from './evaluation.ts'
import { loadMaterial } from './material.ts'

let material: Material
beforeAll(() => {
  material = loadMaterial('train')
})

const open = (options: Partial<ReadingOptions> = {}) => createReadingDataset(material, { name: 'test', seed: 5, ...options })
const only = (task: TaskName, options: Partial<ReadingOptions> = {}) => open({ tasks: { [task]: 1 }, ...options })
const take = (dataset: Dataset, count: number) => Promise.all(Array.from({ length: count }, (_, index) => dataset.get(index)))
const partsOf = ({ messages }: Example) => messages.flatMap(({ content }) => content)
const imagesOf = (example: Example) => partsOf(example).flatMap((part) => (part.type === 'image' ? [part.image] : []))
const answerOf = ({ messages }: Example) => {
  const part = messages.at(-1)!.content[0]!
  return part.type === 'text' ? part.text : ''
}

/** Colours on the outermost pixels, and over the whole picture. */
function colours({ widthPx, heightPx, data }: RgbImage) {
  const edge = new Set<number>()
  const all = new Set<number>()
  for (let y = 0; y < heightPx; y++) {
    for (let x = 0; x < widthPx; x++) {
      const at = 3 * (y * widthPx + x)
      const colour = (data[at]! << 16) | (data[at + 1]! << 8) | data[at + 2]!
      all.add(colour)
      if (x === 0 || y === 0 || x === widthPx - 1 || y === heightPx - 1) edge.add(colour)
    }
  }
  return { edge: edge.size, all: all.size }
}

describe('reading dataset', () => {
  it('gives the same example for the same seed and index, whatever was asked before', async () => {
    const options = { difficulty: { from: 0, to: 1, over: 60 } }
    const forwards = await take(open(options), 60)
    const other = open(options)
    for (const index of [59, 7, 31, 7]) expect(await other.get(index)).toEqual(forwards[index])
    expect((await open({ ...options, seed: 6 }).get(7)).messages).not.toEqual(forwards[7]!.messages)
  })

  it.each(taskNames)('%s: questions, answers and pictures of a kind that a model can take', async (task) => {
    for (const example of await take(only(task, { difficulty: 0.8 }), 40)) {
      expect(example.task).toBe(task)
      expect(example.messages.map(({ role }) => role).join(' ')).toMatch(/^(user assistant ?)+$/)
      expect(imagesOf(example).length).toBe(task === 'second-image' ? 2 : 1)
      for (const { widthPx, heightPx, data } of imagesOf(example)) {
        expect([widthPx % 16, heightPx % 16, data.length]).toEqual([0, 0, widthPx * heightPx * 3])
        expect(widthPx).toBeLessThanOrEqual(256)
        expect(heightPx).toBeLessThanOrEqual(task === 'chart' ? 160 : 112)
      }
      expect(answerOf(example)).toMatch(/^[A-Za-z0-9][A-Za-z0-9. -]{0,30}$/)
    }
  })

  it('shows every text whole in every font: nothing touches the edge', async () => {
    for (const split of ['train', 'heldOut'] as const) {
      const { fonts, ...rest } = split === 'train' ? material : loadMaterial('heldOut')
      for (const [index, font] of fonts.entries()) {
        const clean = createReadingDataset(
          { ...rest, fonts: [font], words: ['jqfgyflk'] },
          { name: 'whole', seed: index, difficulty: 0, letters: [8, 8], tasks: { word: 1 } },
        )
        const { edge, all } = colours(imagesOf(await clean.get(0))[0]!)
        expect([font.file, edge]).toEqual([font.file, 1])
        expect(all).toBeGreaterThan(4)
      }
    }
  })

  it('climbs: longer words, and other tasks, with difficulty', async () => {
    const mean = async (difficulty: number) => {
      const lengths = (await take(only('word', { difficulty }), 60)).map((example) => answerOf(example).length)
      return lengths.reduce((sum, length) => sum + length, 0) / 60
    }
    expect(await mean(0)).toBeLessThan(4.01)
    expect(await mean(1)).toBeGreaterThan(6)
    expect(defaultShares(0)).toMatchObject({ line: 0, chart: 0, 'second-image': 0 })
    expect(defaultShares(1).glyph).toBeLessThan(defaultShares(0).glyph)
    const ramp = await take(open({ difficulty: { from: 0, to: 1, over: 100 } }), 200)
    expect(ramp.slice(0, 15).some(({ task }) => task === 'chart')).toBe(false)
    expect(ramp.slice(100).some(({ task }) => task === 'chart')).toBe(true)
  })

  it('asks about the second of two pictures', async () => {
    const examples = await take(only('second-image'), 40)
    const turns = new Set(examples.map(({ messages }) => messages.length))
    expect(turns).toEqual(new Set([2, 4]))
    for (const { messages } of examples) {
      const question = messages.at(-2)!.content.at(-1)!
      expect(question.type === 'text' && question.text).toMatch(/second picture/)
      expect(messages.at(-2)!.content.at(-2)!.type).toBe('image')
    }
  })

  it('answers charts by what they show', async () => {
    for (const example of await take(only('chart', { difficulty: 1 }), 60)) {
      const labels = material.tables.flatMap(({ rows }) => rows.map(({ label }) => label))
      const titles = material.tables.map(({ title }) => title)
      const answer = answerOf(example)
      expect(labels.includes(answer) || titles.includes(answer) || /^[\d.]+[kM]?$/.test(answer)).toBe(true)
    }
  })

  it('names an option or a material that cannot work', () => {
    expect(() => open({ difficulty: 2 })).toThrow(/difficulty must lie in 0\.\.1, got 2/)
    expect(() => open({ tasks: { poem: 1 } as Partial<Record<TaskName, number>> })).toThrow(
      /there is no task "poem"; there are glyph/,
    )
    expect(() => open({ tasks: { word: 0 } })).toThrow(/every task has a share of 0/)
    const bare = { ...material, lines: [] }
    expect(() => createReadingDataset(bare, { name: 'bare', seed: 1, tasks: { line: 1 } })).toThrow(/task "line" needs lines/)
  })

  it('names a font file that is missing', async () => {
    const fonts = [{ family: 'absent', file: '/nowhere/absent.ttf' }]
    const broken = createReadingDataset({ ...material, fonts }, { name: 'broken', seed: 1, tasks: { word: 1 } })
    await expect(broken.get(0)).rejects.toThrow(/font absent: \/nowhere\/absent\.ttf is missing/)
  })

  it('defines the held-out sets', async () => {
    const sets = readerTasks({ count: 30, seed: 9 })
    expect(sets.map(({ task }) => task)).toEqual([...evaluatedTasks])
    for (const { task, dataset } of sets) {
      expect(dataset.length).toBe(30)
      expect((await dataset.get(29)).task).toBe(task)
      await expect(dataset.get(30)).rejects.toThrow(/outside 0\.\.29/)
    }
    for (const example of await take(sets[0]!.dataset, 30)) expect(answerOf(example)).toMatch(/^[A-Za-z]{3,8}$/)
  })
})

describe('samples', () => {
  it('are a dataset that anyone can open', async () => {
    const file = fileURLToPath(new URL('../samples/questions.jsonl', import.meta.url))
    const samples = await openJsonlDataset({ file, decode: async () => ({ widthPx: 1, heightPx: 1, data: new Uint8Array(3) }) })
    expect(samples.problems).toEqual([])
    expect((await take(samples, samples.length)).map(({ task }) => task)).toEqual(expect.arrayContaining([...evaluatedTasks]))
  })
})
