/** Texts from which the study's tokenizer is trained: its questions and codes, and words of the training side. */
import { loadMaterial } from '@casa-js/reader'

/** The default export, as run files name it. */
export default function studyTexts(): string[] {
  const { words, tables } = loadMaterial('train')
  const labels = tables.flatMap(({ title, rows, write }) => [title, ...rows.flatMap(({ label, value }) => [label, write(value)])])
  const questions = ['Read it.', 'Read it, then', 'How many discs?', 'List:', '2 back?']
  return [...words.slice(0, 4000), ...labels, ...questions]
}
