/** Runs the cells of a study that have no result yet. */
import { StateError } from '@casa-js/base'
import type { Cell, StudyPlan } from './plan.ts'
import type { CellResult, CellStore } from './results.ts'

export interface StudyOptions {
  store: CellStore
  /** Hash of the code that runs now. */
  code: string
  /** Keep results of other code versions next to new ones. They stay marked. */
  mixCode?: boolean
  /** Cells at a time. Default 1. */
  jobs?: number
  /** Only these cells. */
  only?(cell: Cell): boolean
  runCell(cell: Cell, signal: AbortSignal): Promise<CellResult>
  /** A result is in the store. */
  onResult?(result: CellResult, done: number, total: number): void
  /** A cell that failed; the others go on. */
  onFailure?(cell: Cell, error: Error): void
  signal?: AbortSignal
}

/**
 * Results of all cells of the plan that have one, in the plan's order: existing and new ones.
 *
 * @throws StateError when results were made with other code and may not be mixed; the signal's reason when it is aborted
 */
export async function runStudy(plan: StudyPlan, options: StudyOptions): Promise<CellResult[]> {
  const { store, code, mixCode = false, jobs = 1, only = () => true, signal } = options
  const known = new Map((await store.read()).map((result) => [result.key, result]))
  const cells = plan.cells.filter(only)
  if (!mixCode) refuseOtherCode(plan, known, code)
  const missing = cells.filter(({ key }) => !known.has(key))
  let done = cells.length - missing.length
  const stop = new AbortController()
  const forward = (): void => stop.abort(signal?.reason)
  signal?.addEventListener('abort', forward)
  const next = async (): Promise<void> => {
    for (let cell = missing.shift(); cell && !stop.signal.aborted; cell = missing.shift()) {
      try {
        const result = await options.runCell(cell, stop.signal)
        await store.append(result)
        known.set(result.key, result)
        options.onResult?.(result, ++done, cells.length)
      } catch (error) {
        if (!stop.signal.aborted) options.onFailure?.(cell, error as Error)
      }
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.max(1, jobs) }, next))
  } finally {
    signal?.removeEventListener('abort', forward)
  }
  signal?.throwIfAborted()
  return plan.cells.flatMap(({ key }) => known.get(key) ?? [])
}

function refuseOtherCode(plan: StudyPlan, known: ReadonlyMap<string, CellResult>, code: string): void {
  const other = plan.cells.flatMap(({ key }) => {
    const result = known.get(key)
    return result && result.code !== code ? [result.code] : []
  })
  if (other.length === 0) return
  throw new StateError(
    `${other.length} results were made with other code (${[...new Set(other)].join(', ')}; now ${code}): differences between cells could ` +
      'be those of the code. Move the results away and run all anew, go back to that code, or allow the mixture (mixCode)',
  )
}
