/** `casa train`: trains a run file; writes checkpoints, a model folder, metrics and a report. */
import type { Command } from 'commander'
import { relative } from 'node:path'
import { deviceOption, describeDevice, verboseOption, type DeviceFlags } from '../device.ts'
import { err } from '../terminal/colours.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { wholeNumber } from '../terminal/numbers.ts'
import { duration } from '../terminal/text.ts'
import { createTrainingProgress, describeEvaluation, describeFeatures, type TrainingProgress } from '../train/progress.ts'

interface TrainFlags extends DeviceFlags {
  resume?: boolean
  steps?: number
  workers?: number
  out?: string
  force?: boolean
  mpi?: boolean
  recompute?: boolean
}

export function register(program: Command): void {
  program
    .command('train')
    .description('train the model that a run file describes')
    .argument('<run>', 'run.ts, run.js or run.json')
    .option('--resume', 'go on from the last checkpoint')
    .option('--steps <n>', 'updates, instead of what the run file says', wholeNumber(1))
    .option('--workers <n>', 'threads that share each update', wholeNumber(1, 1024))
    .option('--out <folder>', 'folder of the run: checkpoints/, model/, metrics.jsonl, report.html')
    .option('--force', 'train into a folder that holds something else; files of the same names are replaced')
    .option('--recompute', 'run blocks again in the backward pass instead of storing them: less memory, more time')
    .option('--mpi', 'this is one of several processes of an MPI launcher; implied under mpirun')
    .addOption(deviceOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      `
Ctrl-C finishes the update, writes a checkpoint and ends with exit code 130; press it again to end at once.

Over MPI the same command is given to mpirun. It needs Open MPI or MPICH and \`npm install koffi\`; --out must be a folder that all machines
share. To stop such a run with a checkpoint, send SIGTERM to one of its ranks (run.lock names rank 0's process). CASA_MPI: path of libmpi.

Examples:
  casa train run.ts                              train into runs/run
  casa train run.ts --resume                     go on after Ctrl-C, a crash or a power cut
  casa train run.json --workers 2 --out try-1    two threads, another folder
  casa train run.ts --steps 20 --out smoke       see that everything works
  mpirun -n 4 casa train run.ts                  four processes
  mpirun --host a:2,b:2 casa train run.ts        on two machines`,
    )
    .action(run)
}

async function run(file: string, flags: TrainFlags): Promise<void> {
  await import('../train/typescript.ts')
  const [{ isReportedElsewhere, launchedBy, prepareRun, train }, { createReport }] = await Promise.all([
    import('@casa-js/train/node'),
    import('../train/report.ts'),
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
  const programModule = new URL(import.meta.url.endsWith('.ts') ? '../train/program.ts' : '../train/program.js', import.meta.url)
    .href
  const { run: settings, options } = await prepareRun(file, { overrides, resume: flags.resume, programModule })
  const report = createReport(options.out, settings)

  const say = (text: string) => (progress ? progress.note(text) : console.error(text))
  let progress: TrainingProgress | undefined
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
          break
        case 'end':
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
}
