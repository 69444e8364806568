/**
 * The reader's questions, answered as a language model would: with the words alone, in a sentence, or as JSON, as the question asks.
 *
 *   Read the word.                        house
 *   Read the word. Answer in a sentence.  It says "house".
 *   Read the word. Answer as JSON.        {"text": "house"}
 */
import type { Dataset, Example, Message } from '@casa-js/core'
import { createRandom, hashText, type Random } from '@casa-js/data'
import { createHeldOutDataset, createReaderDataset, type HeldOutOptions, type ReaderOptions } from '@casa-js/reader'

export const styles = ['plain', 'sentence', 'json'] as const
export type Style = (typeof styles)[number]

export type StyledOptions = (Omit<ReaderOptions, 'split'> & { split: 'train' }) | (HeldOutOptions & { split: 'heldOut' })

/** The dataset, as run files name it: of the training side, or a held-out set of one task. */
export default function createStyledDataset(options: StyledOptions): Dataset {
  const base = options.split === 'heldOut' ? createHeldOutDataset(options) : createReaderDataset(options)
  return {
    ...base,
    async get(index) {
      const example = await base.get(index)
      return styled(example, createRandom(hashText(example.id)))
    },
  }
}

/** Tasks whose questions ask for a number or a name, and for no other form. */
const ownForm = new Set(['chart', 'count'])

/** One turn is asked in a style of its own; conversations of several turns stay as they are. */
export function styled(example: Example, random: Random): Example {
  const style = example.messages.length === 2 && !ownForm.has(example.task) ? random.pick(styles) : 'plain'
  const [question, answer] = example.messages
  const wrote = answer?.content.find((part) => part.type === 'text')?.text
  if (style === 'plain' || !question || wrote === undefined) return example
  const asked: Message = { ...question, content: [...question.content, { type: 'text', text: askFor[style] }] }
  const said: Message = { role: 'assistant', content: [{ type: 'text', text: answerIn(style, example.task, wrote) }] }
  return { ...example, messages: [asked, said] }
}

const askFor: Record<Exclude<Style, 'plain'>, string> = { sentence: ' Answer in a sentence.', json: ' Answer as JSON.' }

function answerIn(style: Exclude<Style, 'plain'>, task: string, words: string): string {
  const isNamed = task === 'emoji'
  if (style === 'json') return JSON.stringify({ [isNamed ? 'name' : 'text']: words }).replace(':', ': ')
  return isNamed ? `It shows: ${words}.` : `It says "${words}".`
}
