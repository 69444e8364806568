/** One cell of a study: costs counted, trained with checkpoints, and its result. */
import { join } from 'node:path'
import { CasaError } from '@casa-js/base'
import { close, init } from '@casa-js/tensor'
import { groupWeights, type EvaluationEvent, type ParsedRun, type RunEvent } from '@casa-js/train'
import {
  createProgram,
  METRICS_FILE,
  prepareRun,
  readMetrics,
  train,
  type VlmProgram,
  type VlmProgramOptions,
} from '@casa-js/train/node'
import { countMemory, countPass } from './costs.ts'
import type { Cell } from './plan.ts'
import type { CellCosts, CellResult, CurvePoint } from './results.ts'

/** Batches on which costs are counted. */
const COUNTED_BATCHES = 4

export interface CellOptions {
  /** The study file: references of the run start from it. */
  studyFile: string
  /** Folder of this cell's run. */
  out: string
  code: string
  /** Module with `createProgram` for the run, where the default one cannot load its data. */
  programModule?: string | undefined
  signal?: AbortSignal | undefined
  onEvent?(event: RunEvent): void
  onWarning?(message: string): void
}

/**
 * Runs a cell, or goes on with it from its last checkpoint.
 *
 * @throws CasaError when it was stopped by the signal; what preparing, training or counting throws
 */
export async function runCell(cell: Cell, options: CellOptions): Promise<CellResult> {
  const startMs = performance.now()
  const { out, code, signal, onWarning = () => {} } = options
  const prepare = (steps: object) =>
    prepareRun(options.studyFile, {
      definition: { ...cell.run, ...steps, out },
      resume: true,
      programModule: options.programModule,
    })
  const first = await prepare(cell.trainingFlops ? { steps: 1 } : {})
  const { costs, flopsPerUpdate } = await countCosts(first.options.program.options as VlmProgramOptions, onWarning)
  const steps = cell.trainingFlops ? Math.max(1, Math.round(cell.trainingFlops / flopsPerUpdate)) : first.run.steps
  const { options: trainOptions } = await prepare({ steps })

  let last: EvaluationEvent | undefined
  for await (const event of train({ ...trainOptions, signal, onWarning })) {
    if (event.kind === 'evaluation') last = event
    options.onEvent?.(event)
    if (event.kind === 'end' && event.stopped)
      throw new CasaError(`${cell.key}: stopped after ${event.step} of ${steps} updates; the same command goes on`)
  }
  if (!last) throw new CasaError(`${cell.key}: the run evaluates nothing: give it evaluate.data`)
  return {
    key: cell.key,
    levels: cell.levels,
    seed: cell.seed,
    code,
    steps,
    costs,
    curve: await readCurve(out, flopsPerUpdate),
    answers: last.examples.map(({ id, task, correct }) => ({ id, task, correct })),
    elapsedMs: Math.round(performance.now() - startMs),
    finished: new Date().toISOString(),
  }
}

async function readCurve(out: string, flopsPerUpdate: number): Promise<CurvePoint[]> {
  const rows = await readMetrics(join(out, METRICS_FILE))
  return rows.flatMap((row) => {
    if (row.kind !== 'evaluation') return []
    const tasks = Object.values(row.accuracy)
    const sum = (of: 'correct' | 'total'): number => tasks.reduce((total, task) => total + task[of], 0)
    const { step, loss } = row
    return [{ step, flops: Math.round(step * flopsPerUpdate), loss, accuracy: sum('correct') / sum('total') }]
  })
}

async function countCosts(
  options: VlmProgramOptions,
  warn: (message: string) => void,
): Promise<{ costs: CellCosts; flopsPerUpdate: number }> {
  await init({ device: options.run.device ?? 'auto' })
  let program: VlmProgram | undefined
  try {
    // Counted on float32 weights, and without cached features: compressed kernels take the same operations, but are not counted.
    program = await createProgram({ ...options, run: { ...options.run, freeze: [], featureCache: undefined } }, { warn })
    return await countProgram(program, options.run)
  } finally {
    await program?.close?.()
    await close()
  }
}

async function countProgram(program: VlmProgram, run: ParsedRun): Promise<{ costs: CellCosts; flopsPerUpdate: number }> {
  const { perStep } = run.batch
  const weights = groupWeights(program.params, run.groups, run.freeze).map(({ tensor }) => tensor)
  const stream = await program.stream(0, perStep)
  const total = { examples: 0, forward: 0, backward: 0, imageTokens: 0, images: 0 }
  for (let step = 0; step < COUNTED_BATCHES; step++) {
    const { batch, examples } = await stream.next(step)
    const { forwardFlops, backwardFlops } = countPass(() => program.loss(batch), weights)
    total.examples += examples.length
    total.forward += forwardFlops
    total.backward += backwardFlops
    total.images += batch.layout.images.length
    total.imageTokens += batch.layout.images.reduce((sum, { tokens }) => sum + tokens, 0)
  }
  const imageTokensPerImage = total.images > 0 ? Math.round(total.imageTokens / total.images) : 0
  return {
    flopsPerUpdate: ((total.forward + total.backward) / COUNTED_BATCHES) * perStep,
    costs: {
      parameters: countValues(Object.values(program.params)),
      trained: countValues(weights),
      forwardFlops: Math.round(total.forward / total.examples),
      backwardFlops: Math.round(total.backward / total.examples),
      imageTokens: total.imageTokens / total.examples,
      imageTokensPerImage,
      ...(await countMemory(program.vlm.model, imageTokensPerImage)),
    },
  }
}

function countValues(tensors: readonly { size: number }[]): number {
  return tensors.reduce((sum, { size }) => sum + size, 0)
}
