/** Texts from which the study's tokenizer is trained: its questions and codes, and words of the training side. */
import { loadMaterial } from '@casa-js/reader'

/** The default export, as run files name it. */
export default function studyTexts(): string[] {
  const { words, tables } = loadMaterial('train')
  const labels = tables.flatMap(({ title, rows, write }) => [title, ...rows.flatMap(({ label, value }) => [label, write(value)])])
  const questions = [
    'Read it.',
    'Read the picture, then the number of',
    'How many discs?',
    'List:',
    'Picture 1:',
    'What was in the picture 2 before the last?',
  ]
  return [...words.slice(0, 4000), ...labels, ...questions]
}
