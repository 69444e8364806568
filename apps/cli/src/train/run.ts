/** Running a run file on a terminal: events as lines and a bar, Ctrl-C, the report. */
import { relative } from 'node:path'
import type { EvaluationEvent } from '@casa-js/train'
import { describeDevice, type DeviceFlags } from '../device.ts'
import { err } from '../terminal/colours.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { duration } from '../terminal/text.ts'
import { createTrainingProgress, describeEvaluation, describeFeatures, type TrainingProgress } from './progress.ts'

export interface TrainFlags extends DeviceFlags {
  resume?: boolean | undefined
  steps?: number | undefined
  workers?: number | undefined
  out?: string | undefined
  force?: boolean | undefined
  mpi?: boolean | undefined
  recompute?: boolean | undefined
}

/**
 * Trains what a run file describes; says on stderr how it goes, and writes the report.
 *
 * @param onEvaluation called with each evaluation, after its line was printed
 * @returns whether it was stopped before its last update
 */
export async function runTraining(
  file: string,
  flags: TrainFlags,
  onEvaluation?: (event: EvaluationEvent) => void,
): Promise<{ stopped: boolean }> {
  await import('./typescript.ts')
  const [{ isReportedElsewhere, launchedBy, prepareRun, train }, { createReport }] = await Promise.all([
    import('@casa-js/train/node'),
    import('./report.ts'),
  ])
  const overrides = {
    steps: flags.steps,
    workers: flags.workers,
    out: flags.out,
    device: flags.device === 'auto' ? undefined : flags.device,
    recompute: flags.recompute,
  }
  const launched = launchedBy(process.env)
  const mpi = flags.mpi ?? (launched !== undefined && launched.ranks > 1)
  const programModule = new URL(import.meta.url.endsWith('.ts') ? './program.ts' : './program.js', import.meta.url).href
  const { run: settings, options } = await prepareRun(file, { overrides, resume: flags.resume, programModule })
  const report = createReport(options.out, settings)

  const say = (text: string) => (progress ? progress.note(text) : console.error(text))
  let progress: TrainingProgress | undefined
  let stopped = false
  const interrupt = onInterrupt(() => say(err.dim('stopping after this update; again to end at once')))
  const startMs = performance.now()
  try {
    for await (const event of train({
      ...options,
      mpi,
      force: flags.force,
      signal: interrupt.signal,
      onWarning: (message) => say(err.yellow(message)),
    })) {
      switch (event.kind) {
        case 'start': {
          const workers = event.workers > 1 ? `; ${event.workers} ${mpi ? 'ranks' : 'workers'}` : ''
          say(err.dim(describeDevice(event.device, flags.verbose) + workers))
          say(
            `${event.trained.toLocaleString('en')} of ${event.parameters.toLocaleString('en')} parameters train; ${event.step > 0 ? `from step ${event.step} ` : ''}to step ${event.steps}`,
          )
          report.start(event)
          progress = createTrainingProgress(event.steps, event.step)
          break
        }
        case 'step':
          progress?.step(event)
          break
        case 'evaluating':
          progress?.evaluating(event)
          break
        case 'evaluation':
          say(describeEvaluation(event))
          await report.write(event)
          onEvaluation?.(event)
          break
        case 'end':
          stopped = event.stopped
          progress?.stop()
          progress = undefined
          await report.write()
          say(
            event.stopped
              ? `stopped after ${event.step} steps; --resume goes on`
              : `done: ${event.step} steps, ${duration(performance.now() - startMs)} here`,
          )
          if (event.features) say(describeFeatures(event.features))
          say(`${relative('.', report.path)}: the report; ${relative('.', options.out)}/model: the model`)
          break
      }
    }
  } catch (error) {
    if (!mpi || !isReportedElsewhere(error)) throw error
    process.exitCode = 1
  } finally {
    progress?.stop()
    interrupt.release()
  }
  return { stopped }
}
