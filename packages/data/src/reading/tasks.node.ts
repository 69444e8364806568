/**
 * The tasks: each makes one conversation from the material. `difficulty` 0..1 lengthens the texts and adds flaws.
 *
 *     glyph          1 to 3 capitals and digits                     the start of the curriculum
 *     word           a word of 3 to 12 letters, lower, Capital, UPPER
 *     line           2 to 4 words of a real sentence
 *     emoji          its name
 *     second-image   two pictures in one conversation, the question is about the second
 *     chart          a bar chart: largest, smallest, a value, the title
 *     count          1 to 9 discs: how many
 */
import type { ContentPart, Message, RgbImage } from '@casa-js/core'
import { paintChart } from '../draw/chart.node.ts'
import { mostDiscs, paintDiscs } from '../draw/discs.node.ts'
import { paintEmoji } from '../draw/emoji.node.ts'
import { paintText } from '../draw/text.node.ts'
import type { Random } from '../random.ts'
import type { Material } from './material.ts'
import { questions } from './questions.ts'

export const taskNames = ['glyph', 'word', 'line', 'emoji', 'second-image', 'chart', 'count'] as const
export type TaskName = (typeof taskNames)[number]

export interface TaskRules {
  /** Letters of a word, both ends included. Without it up to 4 letters at difficulty 0, growing to 12 at 1. */
  letters?: [number, number] | undefined
  /** Words in small letters only. Without it some are Capital and some UPPER case. */
  lowerCase?: boolean | undefined
  /** Font size of words and glyphs, both ends included. */
  sizePx: [number, number]
  maxWidthPx: number
  stepPx: number
}

/** Words by length. */
export interface WordShelf {
  /** Words of this length, or of the nearest one that has any. */
  ofAbout(letters: number): string[]
}

interface Situation {
  material: Material
  words: WordShelf
  rules: TaskRules
  difficulty: number
  random: Random
}
type Task = (situation: Situation) => Promise<Message[]>

/** What no font draws like another: 0 O, 1 I and letters whose capitals only differ in size are left out. */
const unmistakable = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'

const text = (words: string): ContentPart => ({ type: 'text', text: words })
const picture = (image: RgbImage): ContentPart => ({ type: 'image', image })
const user = (...content: ContentPart[]): Message => ({ role: 'user', content })
const assistant = (answer: string): Message => ({ role: 'assistant', content: [text(answer)] })

async function textPicture({ material, rules, difficulty, random }: Situation, words: string): Promise<RgbImage> {
  const font = random.pick(material.fonts)
  const sizePx = random.integer(...rules.sizePx)
  return paintText({ text: words, font, sizePx, difficulty, maxWidthPx: rules.maxWidthPx, stepPx: rules.stepPx }, random)
}

function chooseWord({ words, rules, difficulty, random }: Situation): string {
  const [least, most] = rules.letters ?? [3, Math.round(4 + 8 * difficulty)]
  // Lengths are drawn first: most words of a dictionary are long.
  const word = random.pick(words.ofAbout(random.integer(least, most)))
  return rules.lowerCase ? word : dress(word, random)
}

/** lower, Capital or UPPER case. */
function dress(word: string, random: Random): string {
  const choice = random.next()
  if (choice < 0.5) return word
  return choice < 0.8 ? word[0]!.toUpperCase() + word.slice(1) : word.toUpperCase()
}

const glyph: Task = async (situation) => {
  const { random, difficulty } = situation
  const count = random.integer(1, 1 + Math.round(2 * Math.min(1, 2 * difficulty)))
  const glyphs = Array.from({ length: count }, () => random.pick([...unmistakable])).join('')
  return [user(picture(await textPicture(situation, glyphs)), text(random.pick(questions.glyph))), assistant(glyphs)]
}

const word: Task = async (situation) => {
  const chosen = chooseWord(situation)
  return [user(picture(await textPicture(situation, chosen)), text(situation.random.pick(questions.word))), assistant(chosen)]
}

const line: Task = async (situation) => {
  const chosen = situation.random.pick(situation.material.lines)
  return [user(picture(await textPicture(situation, chosen)), text(situation.random.pick(questions.line))), assistant(chosen)]
}

async function emojiPicture({ material, rules, difficulty, random }: Situation): Promise<{ name: string; image: RgbImage }> {
  const name = random.pick(material.emoji.names)
  const { svg } = random.pick(material.emoji.styles)
  return { name, image: await paintEmoji({ svg: svg(name), difficulty, stepPx: rules.stepPx }, random) }
}

const emoji: Task = async (situation) => {
  const { name, image } = await emojiPicture(situation)
  return [user(picture(image), text(situation.random.pick(questions.emoji))), assistant(name)]
}

/** A word or an emoji, with the questions for it as first or second picture. */
async function anyPicture(situation: Situation) {
  if (situation.random.chance(0.5)) {
    const chosen = chooseWord(situation)
    return { image: await textPicture(situation, chosen), answer: chosen, first: questions.word, second: questions.secondWord }
  }
  const { name, image } = await emojiPicture(situation)
  return { image, answer: name, first: questions.emoji, second: questions.secondEmoji }
}

const secondImage: Task = async (situation) => {
  const { random } = situation
  const [one, two] = [await anyPicture(situation), await anyPicture(situation)]
  const question = text(random.pick(two.second))
  if (random.chance(0.5)) {
    return [
      user(picture(one.image), text(random.pick(questions.firstPicture)), picture(two.image), question),
      assistant(two.answer),
    ]
  }
  return [
    user(picture(one.image), text(random.pick(one.first))),
    assistant(one.answer),
    user(picture(two.image), question),
    assistant(two.answer),
  ]
}

const chart: Task = async (situation) => {
  const { material, rules, difficulty, random } = situation
  const table = random.pick(material.tables)
  const bars: { label: string; value: number; written: string }[] = []
  const wanted = random.integer(2, 3 + Math.round(2 * difficulty))
  while (bars.length < wanted) {
    const { label, value } = random.pick(table.rows)
    const written = table.write(value)
    // Two bars that read the same would make two answers right.
    if (bars.every((bar) => bar.label !== label && bar.written !== written)) bars.push({ label, value, written })
  }
  const font = random.pick(material.fonts)
  const options = { title: table.title, bars, font, difficulty, widthPx: rules.maxWidthPx, stepPx: rules.stepPx }
  const image = await paintChart(options, random)

  const ranked = [...bars].sort((one, other) => other.value - one.value)
  const asked = random.pick(bars)
  const [question, answer] = random.pick([
    [random.pick(questions.largest), ranked[0]!.label],
    [random.pick(questions.smallest), ranked[wanted - 1]!.label],
    [random.pick(questions.value).replace('{label}', asked.label), asked.written],
    [random.pick(questions.title), table.title],
  ])
  return [user(picture(image), text(question)), assistant(answer)]
}

const count: Task = async ({ random, difficulty }) => {
  const discs = random.integer(1, mostDiscs)
  return [
    user(picture(await paintDiscs({ discs, difficulty }, random)), text(random.pick(questions.count))),
    assistant(`${discs}`),
  ]
}

export const tasks: Record<TaskName, Task> = { glyph, word, line, emoji, 'second-image': secondImage, chart, count }
