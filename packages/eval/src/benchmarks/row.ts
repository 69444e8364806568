/** A row of a benchmark, independent of the file format. */
import type { RgbImage } from '@casa-js/core'

/** A row of a benchmark, as its dataset has it. */
export interface BenchmarkRow {
  id: string
  images: RgbImage[]
  question: string
  /** Text, several right texts (DocVQA, InfoVQA, TextVQA, OCRBench), or the index of the right option (AI2D). */
  answer: string | readonly string[] | number
  /** AI2D */
  options?: readonly string[]
  /** MME: "count", "OCR", ..; the two questions about an image share a questionId. ChartQA: its half; POPE: its kind of negatives. */
  category?: string
  questionId?: string
  /** OCRBench */
  dataset?: string
  questionType?: string
}

export const benchmarkNames = [
  'chartqa',
  'docvqa',
  'infovqa',
  'ocrbench',
  'textvqa',
  'realworldqa',
  'ai2d',
  'gqa',
  'mme',
  'pope',
] as const
export type BenchmarkName = (typeof benchmarkNames)[number]
