/** The result of a cell, and the interface of the result store. */

export interface CellCosts {
  /** Number of parameters in total, and of those that train. */
  parameters: number
  trained: number
  /** Operations per training example, counted on the first batches. */
  forwardFlops: number
  backwardFlops: number
  /** Image tokens per training example, and per image. */
  imageTokens: number
  imageTokensPerImage: number
  /** Bytes that a session keeps for an image of that size, and for a text token. */
  bytesPerImage: number
  bytesPerTextToken: number
}

export interface CurvePoint {
  /** Updates done. */
  step: number
  /** Training operations so far. */
  flops: number
  /** Held-out loss, nats per answer token. */
  loss: number
  /** Exact match over all held-out examples. */
  accuracy: number
}

export interface CellResult {
  key: string
  levels: Record<string, string>
  seed: number
  /** Hash of the code, the lockfile and the study's own files that it was made with. */
  code: string
  steps: number
  costs: CellCosts
  /** Held-out scores as training went on; the last is the result. */
  curve: CurvePoint[]
  /** Every held-out example at the end. */
  answers: { id: string; task: string; correct: boolean }[]
  elapsedMs: number
  /** ISO date. */
  finished: string
}

export interface CellStore {
  /** All results that are whole. */
  read(): Promise<CellResult[]>
  append(result: CellResult): Promise<void>
}

/** Share of right answers at the end of a cell. */
export function accuracyOf({ answers }: CellResult): number {
  return answers.filter(({ correct }) => correct).length / answers.length
}
