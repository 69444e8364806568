/** Texts from which the shipped model's tokenizer is trained: what answers and questions are made of, training side only. */
import { questions } from '@casa-js/data'
import { emojiNames } from './emoji-names.ts'
import { loadTables } from './tables.ts'
import { loadLines, loadWords } from './words.ts'

/** Words in the three cases that pictures show, lines, emoji names, questions, and labels, values and titles of charts. */
export function corpusTexts(): string[] {
  const words = loadWords('train')
  const cased = words.flatMap((word) => [word, word[0]!.toUpperCase() + word.slice(1), word.toUpperCase()])
  const tables = loadTables('train').flatMap(({ title, rows, write }) => [
    title,
    ...rows.flatMap(({ label, value }) => [label, write(value)]),
  ])
  return [...cased, ...loadLines('train'), ...emojiNames, ...Object.values(questions).flat(), ...tables]
}

// As run files name it.
export default corpusTexts
