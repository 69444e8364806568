/** `casa train`: a run file in, checkpoints, a model folder, metrics and a report out. */
import { ConfigError } from '@casa-js/base'
import type { DeviceName } from '@casa-js/tensor'
import type { Command } from 'commander'
import pc from 'picocolors'
import { relative } from 'node:path'
import { deviceOption } from '../device.ts'
import { createProgress, describeEvaluation, duration, type Progress } from '../train/progress.ts'

interface TrainFlags {
  resume?: boolean
  steps?: string
  workers?: string
  device: 'auto' | DeviceName
  out?: string
}

export function register(program: Command): void {
  program
    .command('train')
    .description('train the model that a run file describes')
    .argument('<run>', 'run.ts, run.js or run.json')
    .option('--resume', 'go on from the last checkpoint')
    .option('--steps <n>', 'updates, instead of what the run file says')
    .option('--workers <n>', 'threads that share each update')
    .option('--out <folder>', 'folder of the run: checkpoints/, model/, metrics.jsonl, report.html')
    .addOption(deviceOption())
    .addHelpText(
      'after',
      `
Ctrl-C finishes the update, writes a checkpoint and ends; press it again to end at once.

Examples:
  casa train run.ts                              train into runs/run
  casa train run.ts --resume                     go on after Ctrl-C, a crash or a power cut
  casa train run.json --workers 2 --out try-1    two threads, another folder
  casa train run.ts --steps 20 --out smoke       see that everything works`,
    )
    .action(run)
}

async function run(file: string, flags: TrainFlags): Promise<void> {
  await import('../train/typescript.ts')
  const [{ prepareRun, train }, { createReport }] = await Promise.all([
    import('@casa-js/train/node'),
    import('../train/report.ts'),
  ])
  const overrides = {
    steps: whole('--steps', flags.steps),
    workers: whole('--workers', flags.workers),
    out: flags.out,
    device: flags.device === 'auto' ? undefined : flags.device,
  }
  const programModule = new URL(import.meta.url.endsWith('.ts') ? '../train/program.ts' : '../train/program.js', import.meta.url)
    .href
  const { run: settings, options } = await prepareRun(file, { overrides, resume: flags.resume, programModule })
  const report = createReport(options.out, settings)

  const say = (text: string) => (progress ? progress.note(text) : console.error(text))
  let progress: Progress | undefined
  const stop = stopOnSignals(() => say(pc.dim('stopping after this update; again to end at once')))
  const startMs = performance.now()
  try {
    for await (const event of train({ ...options, signal: stop.signal, onWarning: (message) => say(pc.yellow(message)) })) {
      switch (event.kind) {
        case 'start': {
          const { device } = event
          say(
            pc.dim(
              `device: ${device.device} (${device.adapter}); ${device.reason}${event.workers > 1 ? `; ${event.workers} workers` : ''}`,
            ),
          )
          say(
            `${event.trained.toLocaleString('en')} of ${event.parameters.toLocaleString('en')} parameters train; ${event.step > 0 ? `from step ${event.step} ` : ''}to step ${event.steps}`,
          )
          report.start(event)
          progress = createProgress(event.steps, event.step)
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
          say(`${relative('.', report.path)}: the report; ${relative('.', options.out)}/model: the model`)
          break
      }
    }
  } finally {
    progress?.stop()
    stop.release()
  }
}

/** The first SIGINT or SIGTERM asks for an end; the second takes its usual effect. */
function stopOnSignals(onFirst: () => void): { signal: AbortSignal; release(): void } {
  const controller = new AbortController()
  const handle = () => {
    release()
    onFirst()
    controller.abort()
  }
  const release = () => void process.off('SIGINT', handle).off('SIGTERM', handle)
  process.on('SIGINT', handle).on('SIGTERM', handle)
  return { signal: controller.signal, release }
}

function whole(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new ConfigError(`${flag} ${text}`, 'expected a whole number, 1 or more')
  return value
}
