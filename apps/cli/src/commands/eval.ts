/** `casa eval`: measures the held-out accuracy of a model, with a no-image baseline, results on disk and a report. */
import { ConfigError } from '@casa-js/base'
import type { ProtocolName } from '@casa-js/eval'
import { close } from '@casa-js/tensor'
import { Option, type Command } from 'commander'
import { deviceOption, startDevice, verboseOption, type DeviceFlags } from '../device.ts'
import { loadNotices } from '../load-notices.ts'
import { baseOption, modelArgument, seedOption, type BaseFlag } from '../model-options.ts'
import { err } from '../terminal/colours.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { mostTokens, wholeNumber } from '../terminal/numbers.ts'
import { claimFile, writeWhole } from '../terminal/outputs.ts'

/** Copied from @casa-js/eval, which is loaded only when the command runs; a test keeps them in sync. */
export const benchmarks = ['chartqa', 'docvqa', 'infovqa', 'ocrbench', 'textvqa', 'realworldqa', 'ai2d', 'gqa', 'mme', 'pope']
export const protocols: ProtocolName[] = ['casa-authors', 'casa-lenient', 'lmms-eval-0.7.3']

interface EvalFlags extends DeviceFlags, BaseFlag {
  data?: string[]
  task?: string[]
  protocol?: ProtocolName
  shard?: string
  merge?: string[]
  lmmsEval?: string
  limit: number
  seed: number
  maxTokens: number
  baseline?: 'no-image'
  loose?: boolean
  allowOutside?: boolean
  results?: string
  report?: string
  force?: boolean
  json?: boolean
}

export function register(program: Command): void {
  program
    .command('eval')
    .description('ask a model held-out questions and count its right answers')
    .addArgument(modelArgument('model', 'model folder'))
    .option(
      '--data <files...>',
      "your own questions: JSONL files or modules that make a dataset or a task; parquet files, folders or hub:owner/name of a benchmark; without it, the shipped model's held-out sets, or the benchmark's own repository",
    )
    .option('--task <names...>', `only these tasks; benchmarks: ${benchmarks.join(', ')}`)
    .addOption(
      new Option('--protocol <name>', "whose prompts and metric a benchmark has; the CASA authors' unless given").choices(
        protocols,
      ),
    )
    .option('--shard <i/n>', 'every n-th example, from the i-th on, for several machines; needs --results')
    .option('--merge <files...>', 'bring results of shards into --results first')
    .option('--lmms-eval <file>', 'write the scores as lmms-eval writes its results.json')
    .option('--limit <n>', 'examples of each task; videos, where a task has them', wholeNumber(1), 200)
    .addOption(seedOption('seed that held-out sets are drawn by').default(1))
    .option('--max-tokens <n>', 'longest answer', wholeNumber(1, mostTokens), 64)
    .addOption(new Option('--baseline <kind>', 'no-image: ask everything again without pictures').choices(['no-image']))
    .option('--allow-outside', "read pictures of a JSONL file outside its folder too, by '../' or an absolute path")
    .option('--loose', 'ignore case and punctuation')
    .option('--results <file>', 'JSONL of all answers; a second run with it asks only what is missing')
    .option('--report <file>', 'HTML report, with answers beside their pictures')
    .option('--json', 'print one JSON document instead of the table')
    .option('--force', 'replace a file that is no report, where --report names one')
    .addOption(baseOption())
    .addOption(deviceOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      `
Examples:
  casa eval                                                  the shipped model on its held-out sets
  casa eval model/ --task word emoji --limit 500 --baseline no-image --report report.html
  casa eval model/ --data my/questions.jsonl --results answers.jsonl
  casa eval recipes/live/model --data recipes/live/src/evaluation.ts --limit 149   scenes, watched as live video
  casa eval model/ --task chartqa --data ChartQA/ --results chartqa.jsonl --limit 2500
  casa eval model/ --task docvqa --data hub:lmms-lab/DocVQA --shard 1/4 --results part-1.jsonl
  casa eval model/ --task docvqa --merge part-*.jsonl --results docvqa.jsonl --lmms-eval results.json`,
    )
    .action(run)
}

async function run(folder: string, flags: EvalFlags): Promise<void> {
  const {
    data = [],
    task: only = [],
    limit,
    seed,
    maxTokens: maxNewTokens,
    loose,
    allowOutside,
    results: resultsFile,
    report: reportFile,
  } = flags
  if (reportFile) await claimFile(reportFile, { ours: isReport, force: flags.force })
  if (flags.lmmsEval) await claimFile(flags.lmmsEval, { ours: isLmmsEvalResult, force: flags.force })
  if ((flags.shard || flags.merge) && !resultsFile)
    throw new ConfigError(flags.shard ? '--shard' : '--merge', 'give --results <file>, where the answers are kept')
  const [
    { evalReport, formatSummary, lmmsEvalResult, memoryResults, mergeResults, protocolSystem, runEval, shardOf, vlmAnswers },
    { fileResults },
    { loadVlm },
    { encodePng },
  ] = await Promise.all([
    import('@casa-js/eval'),
    import('@casa-js/eval/node'),
    import('@casa-js/vlm'),
    import('@casa-js/vision'),
  ])
  const shard = flags.shard === undefined ? undefined : shardOf(flags.shard)
  const [{ asksBenchmarks, findTasks }, { modelFingerprint }, { createAskingProgress }] = await Promise.all([
    import('../eval/tasks.ts'),
    import('../eval/fingerprint.ts'),
    import('../eval/progress.ts'),
  ])
  const results = resultsFile ? fileResults(resultsFile) : memoryResults()
  // Fails on a file that holds something else, before anything is computed.
  await results.read()
  if (flags.merge) {
    const added = await mergeResults(results, flags.merge.map(fileResults))
    console.error(`${added} answers of ${flags.merge.length} files are in ${resultsFile} now`)
  }
  const warn = (message: string) => console.error(err.yellow(message))
  const tasks = await findTasks({
    data,
    only,
    count: limit,
    seed,
    loose,
    allowOutside,
    maxNewTokens,
    protocol: flags.protocol,
    warn,
  })
  const device = await startDevice(flags)

  const interrupt = onInterrupt()
  const progress = createAskingProgress()
  try {
    const notices = loadNotices()
    const vlm = await loadVlm(folder, { base: flags.base, signal: interrupt.signal, ...notices })
    notices.summary()
    const system = asksBenchmarks(only)
      ? protocolSystem(flags.protocol ?? 'casa-authors', vlm.model.backbone.modelType)
      : undefined
    const name = await modelFingerprint(folder)
    const result = await runEval(vlmAnswers(vlm, { name, ...(system !== undefined && { system }) }), tasks, {
      limit,
      ...(flags.baseline && { baseline: flags.baseline }),
      results,
      shard,
      onProgress: (now) => progress.show(now),
      signal: interrupt.signal,
    })
    progress.stop()
    vlm.dispose()
    const { model, summary, skipped } = result
    for (const { task, index, reason } of skipped) warn(`${task} ${index} is left out: ${reason}`)
    console.log(flags.json ? JSON.stringify({ model, device, ...summary, skipped }, null, 1) : formatSummary(summary))
    if (flags.lmmsEval) await writeWhole(flags.lmmsEval, JSON.stringify(lmmsEvalResult(result), null, 2) + '\n')
    if (reportFile) {
      const facts = { device: `${device.device} (${device.adapter})`, date: new Date().toISOString().slice(0, 10) }
      await writeWhole(reportFile, await evalReport(result, tasks, { title: `Evaluation of ${model}`, encodePng, facts }))
      console.error(`${reportFile}: the report`)
    }
  } catch (error) {
    progress.stop()
    if (interrupt.signal.aborted) {
      const next = resultsFile ? `the same command goes on from ${resultsFile}` : 'with --results <file> it could have gone on'
      console.error(`stopped; ${next}`)
    }
    throw error
  } finally {
    interrupt.release()
    await close()
  }
}

/** As `lmmsEvalResult` writes it. */
const isLmmsEvalResult = /^\{\s*"results":/

/** The page that this command writes. */
const isReport = /^<!doctype html>[^]*<title>Evaluation of /
