/**
 * Columns of the published benchmarks, and the rows that they make. Schemas as lmms-eval 0.7.3 reads them (its tasks' utils.py name the
 * columns; the datasets are lmms-lab's on the Hugging Face hub, OCRBench is echo840's):
 *
 *   chartqa      type, question, answer: string; image                                          test
 *   docvqa       questionId, question: string; answers: list of string; image                   DocVQA/validation
 *   infovqa      the same                                                                       InfographicVQA/validation
 *   textvqa      question_id: int; question: string; answers: list of string; image             validation
 *   ocrbench     dataset, question, question_type: string; answer: list of string; image        test
 *   realworldqa  question, answer: string; image                                                test
 *   ai2d         question: string; options: list of string; answer: string, an index; image     test
 *   gqa          id, imageId, question, answer: string                                          testdev_balanced_instructions/testdev
 *                id: string; image                                                              testdev_balanced_images/testdev
 *   mme          question_id, question, answer, category: string; image                         test
 *   pope         id, question_id, question, answer, image_source, category: string; image       test
 *
 * An image is a struct of `bytes` (the file) and `path`.
 */
import { FileError } from '@casa-js/base'
import type { RgbImage } from '@casa-js/core'
import type { BenchmarkName, BenchmarkRow } from './row.ts'

export interface BenchmarkSource {
  /** The dataset's repository on the hub. */
  repository: string
  /** Folder of the files; the whole repository unless given. */
  config?: string
  split: string
  columns: readonly string[]
  /** Where pictures lie in a table of their own: its folder, the column that names a picture, and the column here that asks for it. */
  images?: { config: string; key: string; by: string }
  row(cells: Record<string, unknown>): Omit<BenchmarkRow, 'id' | 'images'> & { id?: string }
}

const question = (cells: Record<string, unknown>): string => text(cells, 'question')

export const benchmarkSources: Record<BenchmarkName, BenchmarkSource> = {
  chartqa: {
    repository: 'lmms-lab/ChartQA',
    split: 'test',
    columns: ['type', 'question', 'answer', 'image'],
    row: (cells) => ({ question: question(cells), answer: text(cells, 'answer'), category: text(cells, 'type') }),
  },
  docvqa: document('DocVQA'),
  infovqa: document('InfographicVQA'),
  textvqa: {
    repository: 'lmms-lab/textvqa',
    split: 'validation',
    columns: ['question_id', 'question', 'answers', 'image'],
    row: (cells) => ({ id: label(cells, 'question_id'), question: question(cells), answer: texts(cells, 'answers') }),
  },
  ocrbench: {
    repository: 'echo840/OCRBench',
    split: 'test',
    columns: ['dataset', 'question', 'question_type', 'answer', 'image'],
    row: (cells) => ({
      question: question(cells),
      answer: texts(cells, 'answer'),
      dataset: text(cells, 'dataset'),
      questionType: text(cells, 'question_type'),
    }),
  },
  realworldqa: {
    repository: 'lmms-lab/RealWorldQA',
    split: 'test',
    columns: ['question', 'answer', 'image'],
    row: (cells) => ({ question: question(cells), answer: text(cells, 'answer') }),
  },
  ai2d: {
    repository: 'lmms-lab/ai2d',
    split: 'test',
    columns: ['question', 'options', 'answer', 'image'],
    row: (cells) => ({ question: question(cells), options: texts(cells, 'options'), answer: Number(label(cells, 'answer')) }),
  },
  gqa: {
    repository: 'lmms-lab/GQA',
    config: 'testdev_balanced_instructions',
    split: 'testdev',
    columns: ['id', 'imageId', 'question', 'answer'],
    images: { config: 'testdev_balanced_images', key: 'id', by: 'imageId' },
    row: (cells) => ({ id: label(cells, 'id'), question: question(cells), answer: text(cells, 'answer') }),
  },
  mme: {
    repository: 'lmms-lab/MME',
    split: 'test',
    columns: ['question_id', 'question', 'answer', 'category', 'image'],
    row: (cells) => ({
      question: question(cells),
      answer: text(cells, 'answer'),
      category: text(cells, 'category'),
      questionId: label(cells, 'question_id'),
    }),
  },
  pope: {
    repository: 'lmms-lab/POPE',
    split: 'test',
    columns: ['question_id', 'question', 'answer', 'category', 'image'],
    row: (cells) => ({ question: question(cells), answer: text(cells, 'answer'), category: text(cells, 'category') }),
  },
}

function document(config: string): BenchmarkSource {
  return {
    repository: 'lmms-lab/DocVQA',
    config,
    split: 'validation',
    columns: ['questionId', 'question', 'answers', 'image'],
    row: (cells) => ({ id: label(cells, 'questionId'), question: question(cells), answer: texts(cells, 'answers') }),
  }
}

/**
 * Decodes the image of a cell.
 *
 * @param where name of the row in errors
 * @throws FileError for a cell that is not a struct with bytes
 */
export async function decodeCell(
  cell: unknown,
  decode: (bytes: Uint8Array) => Promise<RgbImage>,
  where: string,
): Promise<RgbImage> {
  const bytes = (Object(cell) as { bytes?: unknown }).bytes
  if (!(bytes instanceof Uint8Array)) throw new FileError(where, 'image: expected a struct with the bytes of a picture')
  return decode(bytes)
}

function text(cells: Record<string, unknown>, column: string): string {
  const cell = cells[column]
  if (typeof cell === 'string') return cell
  throw new FileError(column, `expected a text, got ${describe(cell)}`)
}

function texts(cells: Record<string, unknown>, column: string): string[] {
  const cell = cells[column]
  if (typeof cell === 'string') return [cell]
  if (Array.isArray(cell) && cell.length > 0 && cell.every((one) => typeof one === 'string')) return cell
  throw new FileError(column, `expected texts, got ${describe(cell)}: a split without answers cannot be scored`)
}

/** Texts and whole numbers, as texts. */
function label(cells: Record<string, unknown>, column: string): string {
  const cell = cells[column]
  if (typeof cell === 'string' || typeof cell === 'number' || typeof cell === 'bigint') return String(cell)
  throw new FileError(column, `expected a text or a number, got ${describe(cell)}`)
}

function describe(cell: unknown): string {
  return cell === undefined || cell === null ? 'nothing' : Array.isArray(cell) ? `a list of ${cell.length}` : typeof cell
}
