/** `casa study`: runs the cells of a study that have no result yet, and writes the table and the page. */
import type { Command } from 'commander'
import { mkdir } from 'node:fs/promises'
import { basename, dirname, extname, join, relative, resolve } from 'node:path'
import { ConfigError } from '@casa-js/base'
import type { Cell, StudyPlan } from '@casa-js/study'
import { err } from '../terminal/colours.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { wholeNumber } from '../terminal/numbers.ts'
import { writeWhole } from '../terminal/outputs.ts'
import { duration } from '../terminal/text.ts'

interface StudyFlags {
  out?: string
  jobs: number
  only?: string[]
  list?: boolean
  report?: boolean
  mixCode?: boolean
  cell?: string
  code?: string
}

export function register(program: Command): void {
  program
    .command('study')
    .description('run an experiment: factors, seeds, counted costs, paired tests, a page')
    .argument('<study>', 'study.ts, study.js or study.json')
    .option('--out <folder>', 'results.jsonl, table.md and index.html go here, and cells/ while they train')
    .option('--jobs <n>', 'cells at a time', wholeNumber(1, 64), 1)
    .option('--only <levels...>', 'only cells with these levels, e.g. fusion=casa fusion=ca seed=1')
    .option('--list', 'list the cells, run nothing')
    .option('--report', 'write table and page from the results that there are, run nothing')
    .option('--mix-code', 'keep results that other code made beside new ones')
    .option('--cell <key>', 'run one cell for a parent process')
    .option('--code <hash>', 'with --cell: the code version that the parent found')
    .addHelpText(
      'after',
      `
What is there is not run again. Ctrl-C ends with checkpoints; the same command goes on, also after a crash.

Examples:
  casa study recipes/study/study.ts --list
  casa study recipes/study/study.ts --jobs 2
  casa study recipes/study/study.ts --only task=words seed=1`,
    )
    .action(run)
}

async function run(file: string, flags: StudyFlags): Promise<void> {
  await import('../train/typescript.ts')
  const [{ formatStudy, runStudy, studyReport, summariseStudy }, { codeVersion, fileStore, readStudy, runInProcess }] =
    await Promise.all([import('@casa-js/study'), import('@casa-js/study/node')])
  const plan = await readStudy(file)
  const out = resolve(flags.out ?? join(dirname(file), 'runs', basename(file, extname(file))))
  if (flags.cell !== undefined) return runOne(file, plan, out, flags)
  const only = selection(plan, flags.only ?? [])
  const store = fileStore(join(out, 'results.jsonl'))
  if (flags.list) {
    const done = new Set((await store.read()).map(({ key }) => key))
    for (const cell of plan.cells.filter(only)) console.log(`${done.has(cell.key) ? 'done   ' : 'missing'} ${cell.key}`)
    return
  }
  const write = async () => {
    const results = await store.read()
    await mkdir(out, { recursive: true })
    await writeWhole(join(out, 'table.md'), formatStudy(plan, summariseStudy(plan, results)) + '\n')
    await writeWhole(join(out, 'index.html'), studyReport(plan, results))
    console.error(`${relative('.', join(out, 'index.html'))}: the page; table.md: the table`)
  }
  if (flags.report) return write()

  await mkdir(out, { recursive: true })
  const code = await codeVersion(dirname(resolve(file)), out)
  const interrupt = onInterrupt(() => console.error(err.dim('stopping: each cell finishes its update and writes a checkpoint')))
  let failed = 0
  try {
    await runStudy(plan, {
      store,
      code,
      mixCode: flags.mixCode ?? false,
      jobs: flags.jobs,
      only,
      signal: interrupt.signal,
      runCell: (cell, signal) => {
        console.error(err.dim(`start  ${cell.key}`))
        const again = ['study', file, '--out', out, '--cell', cell.key, '--code', code]
        return runInProcess({
          command: process.execPath,
          args: [...process.execArgv, process.argv[1]!, ...again],
          signal,
          onWarning: (message) => console.error(err.yellow(`${cell.key}: ${message}`)),
        })
      },
      onResult: ({ key, answers, elapsedMs, steps }, done, total) => {
        const right = answers.filter(({ correct }) => correct).length
        console.error(`${done}/${total}  ${key}: ${right} of ${answers.length} right, ${steps} updates, ${duration(elapsedMs)}`)
      },
      onFailure: ({ key }, error) => {
        failed++
        console.error(err.yellow(`failed ${key}: ${error.message}`))
      },
    })
  } finally {
    interrupt.release()
    await write()
  }
  if (failed > 0) process.exitCode = 1
}

/** In a process of its own. */
async function runOne(file: string, plan: StudyPlan, out: string, { cell: key, code }: StudyFlags): Promise<void> {
  const { runCell, serveCell } = await import('@casa-js/study/node')
  const cell = plan.cells.find((one) => one.key === key)
  if (!cell || !code) throw new ConfigError('--cell', `there is no cell "${key}", or --code is missing; see --list`)
  const programModule = new URL(import.meta.url.endsWith('.ts') ? '../train/program.ts' : '../train/program.js', import.meta.url)
  await serveCell((report, signal) =>
    runCell(cell, {
      studyFile: resolve(file),
      out: join(out, 'cells', cell.key),
      code,
      programModule: programModule.href,
      signal,
      onWarning: (message) => report({ kind: 'warning', message }),
    }),
  )
}

/** "factor=level" words -> which cells are meant: levels of one factor are alternatives, factors must all fit. @throws ConfigError for an unknown factor or level. */
function selection(plan: StudyPlan, words: string[]): (cell: Cell) => boolean {
  const wanted = new Map<string, string[]>()
  for (const word of words) {
    const [factor = '', level = ''] = word.split('=')
    const levels = factor === 'seed' ? plan.cells.map(({ seed }) => String(seed)) : (plan.factors[factor] ?? [])
    if (!levels.includes(level))
      throw new ConfigError(
        '--only',
        `there is no ${word}: expected factor=level, of ${['seed', ...Object.keys(plan.factors)].join(', ')}`,
      )
    wanted.set(factor, [...(wanted.get(factor) ?? []), level])
  }
  return ({ levels, seed }) =>
    [...wanted].every(([factor, meant]) => meant.includes(factor === 'seed' ? String(seed) : levels[factor]!))
}
