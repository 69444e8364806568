/** Training a loaded model in this thread, on any platform: no files, no workers. What `casa train` does, in a page too. */
import type { Dataset } from '@casa-js/core'
import { report } from '@casa-js/tensor'
import type { Vlm } from '@casa-js/vlm'
import { mergeEvaluations, type RunEvent } from '../events.ts'
import { adaptation, type GroupRule } from '../groups.ts'
import { runLoop } from '../loop.ts'
import { solo } from '../parallel/collective.ts'
import type { Schedule } from '../schedule.ts'
import { createVlmProgram, type VlmProgramSettings } from './vlm-program.ts'

export interface TrainVlmOptions extends Pick<VlmProgramSettings, 'batch'> {
  data: Dataset
  /** Examples that are not learnt from: they are answered before the first update, every `every` updates, and after the last. */
  evaluate?: { data: Dataset[]; every?: number | undefined; examples?: number; maxNewTokens?: number } | undefined
  /** Updates. */
  steps: number
  /** Updates of linear warm-up (default: a twentieth of the run) and of decay at the end (default: a fifth). */
  schedule?: Partial<Omit<Schedule, 'steps'>> | undefined
  /** Default: "casa.*" at 1e-4 and the rest at 1e-5, the paper's rates. */
  groups?: GroupRule[] | undefined
  /** Names of weights that stay as they are. */
  freeze?: string[] | undefined
  /** Largest norm of the gradient. Default 1. */
  clip?: number | undefined
  /** Order of finite data. Default 1. */
  seed?: number | undefined
  /** Requests a stop: the current update is finished. The weights stay as far as they are. */
  signal?: AbortSignal | undefined
  onWarning?: ((message: string) => void) | undefined
}

/**
 * Trains `vlm` in place. Its weights must be float32: load it with `weights: 'float32'`.
 *
 * @returns the events of the run, as they come; the first evaluation is that of step 0
 * @throws ConfigError for a schedule or groups that do not fit; DivergedError when the loss or a gradient is not finite, before
 *   anything of that update was changed
 */
export async function* trainVlm(vlm: Vlm, options: TrainVlmOptions): AsyncGenerator<RunEvent, void, undefined> {
  const { data, evaluate, steps, signal, clip = 1, seed = 1, onWarning = () => {} } = options
  const { warmup = Math.floor(steps / 20), cooldown = Math.floor(steps / 5) } = options.schedule ?? {}
  const settings = { examples: evaluate?.examples ?? 50, maxNewTokens: evaluate?.maxNewTokens ?? 32, shown: 0 }
  const program = createVlmProgram(
    vlm,
    data,
    evaluate?.data ?? [],
    { batch: options.batch, seed, ...(evaluate && { evaluate: settings }) },
    onWarning,
  )
  const loop = {
    schedule: { steps, warmup, cooldown },
    groups: options.groups ?? adaptation(['casa.*']),
    freeze: options.freeze,
    clip,
    shards: 1,
    evaluateEvery: evaluate?.every,
    evaluateAtStart: true,
    // Only checkpoints record it, and there are none.
    config: { fixed: {}, tunable: {} },
  }
  const context = { program, device: report(), collective: solo, stopRequested: () => signal?.aborted ?? false, warn: onWarning }
  for await (const event of runLoop(loop, context)) {
    yield event.kind === 'evaluation-part' ? mergeEvaluations(event.step, [event]) : event
    // On wasm and cpu an update never yields: without a turn of the event loop no message or timer would be handled.
    await new Promise((resolve) => setTimeout(resolve))
  }
}
