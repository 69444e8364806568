/**
 * Many pictures in one conversation, so that a picture costs 4 to 20 text tokens and not 45: most of a conversation about one picture
 * is the system prompt and the marks of its turns, and with a frozen language model every token costs the same.
 *
 *     list    Name each picture.  [i] house [i] Q [i] apple ..      2 tokens per picture, 4 to 5 where names have several and a stop token
 *     turns   [i] What is this?   red heart   [i] Read the word.  house   about 19
 *
 * CASA's windows end at the next picture, so a picture is seen by its own name alone. In a list nothing but the picture says
 * what comes next: what can be guessed without it is the share of each name.
 */
import type { ContentPart, Dataset, Message } from '@casa-js/core'
import { createRandom, createReadingDataset, hashText, type ReadingOptions } from '@casa-js/data'
import { loadMaterial, type Split } from '@casa-js/reader'
import { styled } from './dataset.ts'
import { firstEmoji, firstWords } from './first-things.ts'

/** What the assistant is asked for a list. */
export const listPrompt = 'Name each picture.'

export interface AlbumOptions extends Partial<Pick<ReadingOptions, 'difficulty' | 'letters' | 'lowerCase' | 'sizePx' | 'tasks'>> {
  split: Split
  seed: number
  /** Conversations; endless unless given. */
  length?: number
  /** Pictures of a list, and of a conversation in turns. Default 48 and 12. */
  pictures?: { list: number; turns: number }
  /** Share of conversations that are lists. Default 0.75. Charts and discs need a question, so they are in turns alone. */
  lists?: number
  /** Only what training begins with: emoji and words whose names are one token each. Default false. */
  first?: boolean
  /** End every name of a list with a stop token, as an answer ends. Default true; a picture costs one token less without. */
  stops?: boolean
  /** Answer single turns in the style that the question asks for. Default false. */
  styles?: boolean
}

/** The dataset, as run files name it. Conversation `index` follows from the options and `index` alone. */
export default function createAlbum(options: AlbumOptions): Dataset {
  const { split, seed, length = Infinity, lists = 0.75, first = false, stops = true, styles = false, ...reading } = options
  const { pictures = { list: 48, turns: 12 }, tasks = { glyph: 1, word: 1, emoji: 1 }, ...rules } = reading
  const material = loadMaterial(split)
  const known = first ? { ...material, words: firstWords, emoji: { ...material.emoji, names: firstEmoji } } : material
  const drawn = (shares: typeof tasks) => createReadingDataset(known, { name: `album-${split}`, seed, ...rules, tasks: shares })
  const listed = lists > 0 ? drawn({ ...tasks, chart: 0, count: 0, 'second-image': 0 }) : undefined
  const asked = lists < 1 ? drawn(tasks) : undefined
  const span = Math.max(pictures.list, pictures.turns)
  return {
    name: `album-${split}`,
    length,
    async get(index) {
      const random = createRandom(seed, index, hashText('album'))
      const isList = random.chance(lists)
      const count = isList ? pictures.list : pictures.turns
      const examples = await Promise.all(
        Array.from({ length: count }, (_, i) => (isList ? listed : asked)!.get(index * span + i)),
      )
      const messages = isList
        ? listOf(
            examples.map(({ messages }) => messages),
            stops,
          )
        : examples.flatMap((example) => (styles ? styled(example, random) : example).messages)
      return { id: `album-${split}-${seed}-${index}`, task: isList ? 'list' : 'turns', messages }
    },
  }
}

function listOf(conversations: Message[][], stops: boolean): Message[] {
  const content = conversations.flatMap(([question, answer]): ContentPart[] => [
    ...question!.content.filter((part) => part.type === 'image'),
    ...answer!.content.map((part) => ({ ...part, stop: stops })),
  ])
  return [
    { role: 'user', content: [{ type: 'text', text: listPrompt }] },
    { role: 'assistant', content },
  ]
}
