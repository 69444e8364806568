/** `casa eval`: held-out accuracy of a model, with a baseline that sees no picture, results on disk and a report. */
import { ConfigError } from '@casa-js/base'
import { close, type DeviceName } from '@casa-js/tensor'
import type { Command } from 'commander'
import pc from 'picocolors'
import { writeFile } from 'node:fs/promises'
import { deviceOption, startDevice } from '../device.ts'
import { shippedModel } from '../shipped.ts'

interface EvalFlags {
  data?: string[]
  task?: string[]
  limit: string
  seed: string
  maxTokens: string
  baseline?: 'no-image'
  loose?: boolean
  results?: string
  report?: string
  json?: boolean
  device: 'auto' | DeviceName
}

export function register(program: Command): void {
  program
    .command('eval')
    .description('ask a model held-out questions and count its right answers')
    .argument('[model]', 'model folder', shippedModel)
    .option(
      '--data <files...>',
      "your own questions: JSONL files or dataset modules; without it, the shipped model's held-out sets",
    )
    .option('--task <names...>', 'only these tasks')
    .option('--limit <n>', 'examples of each task', '200')
    .option('--seed <n>', 'seed that held-out sets are drawn by', '1')
    .option('--max-tokens <n>', 'longest answer', '64')
    .option('--baseline <kind>', 'no-image: ask everything again without pictures', noImage)
    .option('--loose', 'ignore case and punctuation')
    .option('--results <file>', 'JSONL of all answers; a second run with it asks only what is missing')
    .option('--report <file>', 'HTML report, with answers beside their pictures')
    .option('--json', 'print one JSON document instead of the table')
    .addOption(deviceOption())
    .addHelpText(
      'after',
      `
Examples:
  casa eval                                                  the shipped model on its held-out sets
  casa eval model/ --task word emoji --limit 500 --baseline no-image --report report.html
  casa eval model/ --data my/questions.jsonl --results answers.jsonl`,
    )
    .action(run)
}

async function run(folder: string, flags: EvalFlags): Promise<void> {
  const limit = whole('--limit', flags.limit, 1)
  const options = {
    data: flags.data ?? [],
    only: flags.task ?? [],
    count: limit,
    seed: whole('--seed', flags.seed, 0),
    loose: flags.loose,
  }
  const maxNewTokens = whole('--max-tokens', flags.maxTokens, 1)
  const [{ evalReport, formatSummary, memoryResults, runEval, vlmAnswers }, { fileResults }, { loadVlm }, { encodePng }] =
    await Promise.all([import('@casa-js/eval'), import('@casa-js/eval/node'), import('@casa-js/vlm'), import('@casa-js/vision')])
  const [{ findTasks }, { modelFingerprint }, { createAskingProgress }] = await Promise.all([
    import('../eval/tasks.ts'),
    import('../eval/fingerprint.ts'),
    import('../eval/progress.ts'),
  ])
  const tasks = await findTasks({ ...options, maxNewTokens, warn: (message) => console.error(pc.yellow(message)) })
  const device = await startDevice(flags.device)

  const stop = new AbortController()
  const interrupt = () => stop.abort()
  process.once('SIGINT', interrupt)
  const progress = createAskingProgress()
  try {
    const vlm = await loadVlm(folder)
    const result = await runEval(vlmAnswers(vlm, { name: await modelFingerprint(folder) }), tasks, {
      limit,
      baseline: flags.baseline,
      results: flags.results ? fileResults(flags.results) : memoryResults(),
      onProgress: (now) => progress.show(now),
      signal: stop.signal,
    })
    progress.stop()
    vlm.dispose()
    const { model, summary, skipped } = result
    for (const { task, index, reason } of skipped) console.error(pc.yellow(`${task} ${index} is left out: ${reason}`))
    console.log(flags.json ? JSON.stringify({ model, device, ...summary, skipped }, null, 1) : formatSummary(summary))
    if (flags.report) {
      const facts = { device: `${device.device} (${device.adapter})`, date: new Date().toISOString().slice(0, 10) }
      await writeFile(flags.report, await evalReport(result, tasks, { title: `Evaluation of ${model}`, encodePng, facts }))
      console.error(`${flags.report}: the report`)
    }
  } catch (error) {
    progress.stop()
    if (!stop.signal.aborted) throw error
    console.error(
      flags.results
        ? `stopped; the same command goes on from ${flags.results}`
        : 'stopped; with --results <file> it could have gone on',
    )
    process.exitCode = 130
  } finally {
    process.off('SIGINT', interrupt)
    await close()
  }
}

function noImage(kind: string): 'no-image' {
  if (kind !== 'no-image') throw new ConfigError(`--baseline ${kind}`, 'the one baseline is "no-image"')
  return kind
}

function whole(flag: string, text: string, least: number): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < least)
    throw new ConfigError(`${flag} ${text}`, `expected a whole number, ${least} or more`)
  return value
}
