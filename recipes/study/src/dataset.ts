/**
 * Tasks on which ways of giving pictures to a language model should differ.
 *
 *   small-words   a word at 10 to 14 px                                    fine detail
 *   mixed         a list of names and numbers in the text and a picture: copy one, read the other     text among the keys
 *   chart         a bar chart of real numbers: largest, smallest, a value, the title
 *   back-0 .. 4   five pictures in one conversation; the question is about the one so many before the last    memory of pictures
 *   count         1 to 9 discs
 *
 * Example `index` follows from (seed, index) and the split alone. Held-out fonts, words and countries are never trained on.
 */
import { CasaError } from '@casa-js/base'
import type { ContentPart, Dataset, Message, RgbImage } from '@casa-js/core'
import { createRandom, createReadingDataset, hashText, permutation, type Material, type Random } from '@casa-js/data'
import { paintText } from '@casa-js/data/internal'
import { loadMaterial } from '@casa-js/reader'

export const studyTasks = ['small-words', 'mixed', 'chart', 'back-0', 'back-1', 'back-2', 'back-3', 'back-4', 'count'] as const
export type StudyTask = (typeof studyTasks)[number]

export interface StudyDataOptions {
  /** One of studyTasks, or several that are drawn in equal shares, e.g. back-1 to back-4. */
  task: StudyTask | StudyTask[]
  split: 'train' | 'heldOut'
  seed: number
  /** Examples; endless unless given. */
  count?: number
  /** Pictures of a conversation of back-N. Default 5. */
  pictures?: number
  /** Names in the list of `mixed`. Default 12. */
  names?: number
  /** Of `small-words`: letters (default 3 to 6) and size (default 10 to 14 px). */
  letters?: [number, number]
  sizePx?: [number, number]
}

/** The dataset of one or several tasks. @throws CasaError for an unknown task. */
export default function createStudyDataset({ task, split, seed, count = Infinity, ...sizes }: StudyDataOptions): Dataset {
  const names = Array.isArray(task) ? task : [task]
  const unknown = names.find((name) => !studyTasks.includes(name))
  if (unknown !== undefined) throw new CasaError(`study task "${unknown}" is not there; there are ${studyTasks.join(', ')}`)
  const material = loadMaterial(split)
  const makers = names.map((name) => ({ name, make: makerOf(name, material, { split, seed, ...sizes }) }))
  return {
    name: `${split}-${names.join('-')}`,
    length: count,
    async get(index) {
      const random = createRandom(seed, index, hashText(split))
      const { name, make } = makers[index % makers.length]!
      return { id: `${split}-${seed}-${index}`, task: name, messages: await make(random, index) }
    },
  }
}

type Maker = (random: Random, index: number) => Promise<Message[]>

type MakerOptions = Omit<StudyDataOptions, 'task' | 'count'>

function makerOf(task: StudyTask, material: Material, options: MakerOptions): Maker {
  const { split, seed, pictures = 5, names = 12, letters = [3, 6], sizePx = [10, 14] } = options
  switch (task) {
    case 'small-words':
      return readingMaker(material, split, seed, { tasks: { word: 1 }, sizePx, letters, difficulty: 0.1 })
    case 'chart':
      return readingMaker(material, split, seed, { tasks: { chart: 1 }, difficulty: 0.2 })
    case 'mixed':
      return (random) => mixed(names, material, random)
    case 'count':
      return readingMaker(material, split, seed, { tasks: { count: 1 }, difficulty: 0 })
    default:
      return (random) => nBack(Number(task.slice('back-'.length)), pictures, material, random)
  }
}

type ReadingOptions = Omit<Parameters<typeof createReadingDataset>[1], 'name' | 'seed'>

function readingMaker(material: Material, split: string, seed: number, options: ReadingOptions): Maker {
  const dataset = createReadingDataset(material, { name: split, seed, ...options })
  return async (_, index) => (await dataset.get(index)).messages
}

const text = (words: string): ContentPart => ({ type: 'text', text: words })
const picture = (image: RgbImage): ContentPart => ({ type: 'image', image })
const user = (...content: ContentPart[]): Message => ({ role: 'user', content })
const assistant = (answer: string): Message => ({ role: 'assistant', content: [text(answer)] })

/** Characters that no font draws alike. */
const SIGNS = [...'ABCDEFGHJKLMNPQRSTUVWXYZ23456789']

function code(random: Random, least: number, most: number): string {
  return Array.from({ length: random.integer(least, most) }, () => random.pick(SIGNS)).join('')
}

function paintCode(words: string, material: Material, random: Random): Promise<RgbImage> {
  const font = random.pick(material.fonts)
  return paintText({ text: words, font, sizePx: 20, difficulty: 0, maxWidthPx: 64, stepPx: 16 }, random)
}

/** Both halves of the answer are asked at once: a layer that attends to only one of them gets it wrong. */
async function mixed(count: number, material: Material, random: Random): Promise<Message[]> {
  const shown = code(random, 2, 2)
  const names = new Set<string>()
  while (names.size < count) names.add(random.pick(material.words).slice(0, 6))
  const list = [...names].map((name) => ({ name, value: random.integer(10, 99) }))
  const asked = random.pick(list)
  const notes = list.map(({ name, value }) => `${name} ${value}`).join(', ')
  return [
    user(text(`List: ${notes}. `), picture(await paintCode(shown, material, random)), text(`Read it, then ${asked.name}.`)),
    assistant(`${shown} ${asked.value}`),
  ]
}

/**
 * Pictures without captions: only the questions after them say which one counts. `n` is the last question, the one that is scored;
 * the others come before it, so that a conversation teaches as much as it can.
 */
async function nBack(n: number, count: number, material: Material, random: Random): Promise<Message[]> {
  const codes = Array.from({ length: count }, () => code(random, 1, 1))
  const pictures = await Promise.all(codes.map((words) => paintCode(words, material, random)))
  const others = [...permutation(count, random.integer(0, 2 ** 30), 0)].filter((back) => back !== n)
  const shown = pictures.flatMap((image, i) => [text(`${i + 1}: `), picture(image)])
  return [...others, n].flatMap((back, turn) => [
    user(...(turn === 0 ? shown : []), text(`${back} back?`)),
    assistant(codes[count - 1 - back]!),
  ])
}
