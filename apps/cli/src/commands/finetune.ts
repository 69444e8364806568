/**
 * `casa finetune`: teaches a model what is in a folder of pictures. It writes the run that `casa train` would be given, so that
 * whoever wants more can go on from it, and asks about held-out pictures before and after.
 */
import { join, relative, resolve } from 'node:path'
import { CasaError, FileError } from '@casa-js/base'
import type { LabelledPicture } from '@casa-js/data'
import type { EvaluationEvent, RunDefinition } from '@casa-js/train'
import type { Command } from 'commander'
import { deviceOption, verboseOption } from '../device.ts'
import { baseOption, modelOption, type BaseFlag } from '../model-options.ts'
import { shippedModel } from '../shipped.ts'
import { err, out as plain } from '../terminal/colours.ts'
import { decimal, wholeNumber } from '../terminal/numbers.ts'
import { writeWhole } from '../terminal/outputs.ts'
import { runTraining, type TrainFlags } from '../train/run.ts'

interface FinetuneFlags extends TrainFlags, BaseFlag {
  out: string
  model: string
  question: string
  holdOut: number
  learningRate?: number
}

const files = { run: 'run.json', learnt: 'learnt.jsonl', heldOut: 'held-out.jsonl' }
/** All weights of the shipped model; twenty pictures of four kinds are learnt in about ten updates, and reading is kept. */
const shippedRate = 3e-4
const fewestSteps = 20

export function register(program: Command): void {
  program
    .command('finetune')
    .description('teach a model what is in your pictures')
    .argument('<pictures>', 'a folder: pictures in folders named after what they show, or each beside a text file of its name')
    .requiredOption('--out <folder>', 'a new folder: model/, report.html, and run.json to go on from')
    .addOption(modelOption())
    .addOption(baseOption())
    .option('--question <text>', 'what is asked about each picture', 'What is this?')
    .option('--hold-out <n>', 'every n-th picture of an answer is only asked about, before and after; 0: none', wholeNumber(0), 4)
    .option('--steps <n>', `updates (default: as many as there are pictures, ${fewestSteps} at least)`, wholeNumber(1))
    .option(
      '--learning-rate <rate>',
      `of all weights (default: ${shippedRate} for the model that comes with casa, else 1e-4 for new layers and 1e-5)`,
      decimal(1e-9, 1),
    )
    .option('--workers <n>', 'threads that share each update', wholeNumber(1, 1024))
    .option('--resume', 'go on after Ctrl-C, a crash or a power cut, with the pictures and settings of its run.json')
    .option('--force', 'write into a folder that holds something else; files of the same names are replaced')
    .addOption(deviceOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      `
run.json in the folder is an ordinary run: change it and give it to \`casa train\`, or look up its fields there.

Examples:
  casa finetune pets/ --out my-pets                pets/cat/*.jpg, pets/guinea_pig/*.jpg
  casa ask new.jpg "What is this?" --model my-pets/model
  casa finetune receipts/ --question "What is the total?" --out totals --steps 200
  casa finetune pets/ --out my-pets --resume`,
    )
    .action(finetune)
}

async function finetune(pictures: string, flags: FinetuneFlags): Promise<void> {
  const runFile = join(flags.out, files.run)
  if (!flags.resume) await prepare(pictures, flags)
  const evaluations: EvaluationEvent[] = []
  const { stopped } = await runTraining(runFile, flags, (event) => evaluations.push(event))
  if (stopped) return
  console.log(table(evaluations))
  const folder = relative('.', join(flags.out, 'model'))
  console.error(`ask it: casa ask picture.png ${JSON.stringify(flags.question)} --model ${folder}`)
}

/** Writes the run and its questions. Nothing is written before everything was looked at. */
async function prepare(folder: string, flags: FinetuneFlags): Promise<void> {
  const [{ holdOut, readPictureFolder }, { fromScratch }, { findCheckpoint, RUN_FOLDER_KIND }, { claimFolder }] =
    await Promise.all([
      import('@casa-js/data'),
      import('@casa-js/train'),
      import('@casa-js/train/node'),
      import('@casa-js/weights/node'),
    ])
  const { pictures, unlabelled } = await readPictureFolder(folder)
  if (pictures.length === 0)
    throw new FileError(
      folder,
      `nothing says what these ${unlabelled.length} files show: put them in folders named after it, or a text file beside each`,
    )
  const { learnt, heldOut } = holdOut(pictures, flags.holdOut)
  const inputs = [folder, flags.model, ...(flags.base === undefined ? [] : [flags.base])]
  const claim = await claimFolder(flags.out, { kind: RUN_FOLDER_KIND, force: flags.force, writes: Object.values(files), inputs })
  if (await findCheckpoint(flags.out))
    throw new CasaError(`${flags.out} holds a run already: go on with --resume, or choose another --out folder`)
  say(learnt, heldOut, unlabelled)
  await claim.mark()
  const rows = (all: LabelledPicture[]) =>
    all
      .map(
        ({ path, answer }) =>
          `${JSON.stringify({ id: path, task: 'pictures', image: path, question: flags.question, answer })}\n`,
      )
      .join('')
  await writeWhole(join(flags.out, files.learnt), rows(learnt))
  if (heldOut.length > 0) await writeWhole(join(flags.out, files.heldOut), rows(heldOut))
  const rate = flags.learningRate ?? (flags.model === shippedModel ? shippedRate : undefined)
  const groups = rate === undefined ? undefined : fromScratch(rate)
  const run = runOf(folder, flags, groups, learnt.length, heldOut.length)
  await writeWhole(join(flags.out, files.run), `${JSON.stringify(run, undefined, 2)}\n`)
}

function runOf(
  folder: string,
  flags: FinetuneFlags,
  groups: RunDefinition['groups'],
  learnt: number,
  heldOut: number,
): RunDefinition {
  const steps = flags.steps ?? Math.max(fewestSteps, learnt)
  const images = resolve(folder)
  return {
    model: { folder: resolve(flags.model), ...(flags.base !== undefined && { base: resolve(flags.base) }) },
    data: { jsonl: files.learnt, images },
    batch: { textTokens: 512, imageTokens: 1024, perStep: flags.workers ?? 1 },
    steps,
    schedule: { warmup: Math.min(Math.ceil(steps / 10), 100) },
    groups,
    ...(heldOut > 0 && {
      evaluate: {
        every: Math.ceil(steps / 4),
        atStart: true,
        data: [{ jsonl: files.heldOut, images }],
        examples: heldOut,
        maxNewTokens: 64,
        shown: heldOut,
      },
    }),
    out: '.',
  }
}

function say(learnt: LabelledPicture[], heldOut: LabelledPicture[], unlabelled: string[]): void {
  const answers = new Set([...learnt, ...heldOut].map(({ answer }) => answer))
  const some = [...answers].slice(0, 5).join(', ')
  console.error(
    `${learnt.length} pictures to learn from, ${heldOut.length} held out; ${answers.size} answers: ${some}${answers.size > 5 ? ', ..' : ''}`,
  )
  if (unlabelled.length > 0)
    console.error(
      err.yellow(
        `${unlabelled.length} pictures are left out, nothing says what they show: ${unlabelled.slice(0, 3).join(', ')}${unlabelled.length > 3 ? ', ..' : ''}`,
      ),
    )
}

/** What was answered about the held-out pictures before the first update and after the last. */
function table(evaluations: EvaluationEvent[]): string {
  const last = evaluations.at(-1)
  if (!last) return ''
  const before = new Map(evaluations[0]!.step === 0 ? evaluations[0]!.examples.map(({ id, predicted }) => [id, predicted]) : [])
  const rows = last.examples.slice(0, 20).map(({ id, correct, expected = '', predicted = '' }) => {
    const was = before.get(id)
    const now = predicted === '' ? '(nothing)' : predicted
    return `  ${correct ? plain.green('right') : plain.red('wrong')}  ${id}: ${was === undefined || was === predicted ? '' : `${was || '(nothing)'} -> `}${now}${correct ? '' : `, expected ${expected}`}`
  })
  const right = last.examples.filter(({ correct }) => correct).length
  const more = last.examples.length > rows.length ? [`  and ${last.examples.length - rows.length} more: see the report`] : []
  return [`${right} of ${last.examples.length} held-out pictures are answered right`, ...rows, ...more].join('\n')
}
