/** `casa caption`: live captions of a video, frame by frame. */
import { close } from '@casa-js/tensor'
import type { CaptionedFrame } from '@casa-js/vlm'
import type { Command } from 'commander'
import { appendFileSync, writeFileSync } from 'node:fs'
import { deviceOption, startDevice, verboseOption, type DeviceFlags } from '../device.ts'
import { seedOption, weightsOption, type WeightsChoice } from '../model-options.ts'
import { shippedModel } from '../shipped.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { decimal, mostTokens, wholeNumber } from '../terminal/numbers.ts'
import { claimFile, writeWhole } from '../terminal/outputs.ts'

interface CaptionFlags extends DeviceFlags {
  model: string
  fps: number
  prompt?: string
  prefix?: string
  maxTokens: number
  temperature?: number
  seed: number
  capacity: number
  live?: boolean
  jsonl?: string
  srt?: string
  force?: boolean
  weights: WeightsChoice
}

export function register(program: Command): void {
  program
    .command('caption')
    .description('caption a video as it plays, in memory that does not grow with its frames')
    .argument('<frames...>', 'folders of pictures (in the order of their names), pictures, animated WebP or GIF files')
    .option('--model <folder>', 'model folder', shippedModel)
    .option(
      '--fps <n>',
      'frames a second: how long a picture is shown, and how often an animation is looked at',
      decimal(0.001, 240),
      2,
    )
    .option('--prompt <text>', 'what is asked before the first frame')
    .option('--prefix <text>', 'what the captions begin with (default: "In this video")')
    .option('--max-tokens <n>', 'most tokens of a frame', wholeNumber(1, mostTokens), 20)
    .option(
      '--temperature <t>',
      '0 takes the likeliest token each time (default: sampled as the paper does, at 0.4)',
      decimal(0, 100),
    )
    .addOption(seedOption('seed of the sampling').default(0))
    .option(
      '--capacity <tokens>',
      'text that is remembered; beyond it the oldest captions are forgotten',
      wholeNumber(16, mostTokens),
      4096,
    )
    .option('--live', 'stop a frame when its time, 1 / fps, is up')
    .option('--jsonl <file>', 'one JSON document a frame: times, tokens, text, memory; - for standard output')
    .option('--srt <file>', 'progressive subtitles; - for standard output')
    .option('--force', 'replace files that are there')
    .addOption(weightsOption())
    .addOption(deviceOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      '\nExamples:\n  casa caption frames/ --srt captions.srt\n  casa caption clip.webp --fps 4 --jsonl -\n  ffmpeg -i film.mp4 -vf fps=2,scale=448:-2 frames/%05d.png && casa caption frames/ --live',
    )
    .action(run)
}

/** One line of JSONL. */
function lineOf({
  startMs,
  endMs,
  timeToFirstTokenMs,
  elapsedMs,
  tokens,
  text,
  end,
  cachedTokens,
  memory,
}: CaptionedFrame): string {
  const round = (ms: number) => Math.round(ms * 10) / 10
  return JSON.stringify({
    start_ms: startMs,
    end_ms: endMs,
    time_to_first_token_ms: round(timeToFirstTokenMs),
    elapsed_ms: round(elapsedMs),
    tokens,
    text,
    end,
    cached_tokens: cachedTokens,
    memory_bytes: memory.bytes,
  })
}

async function run(paths: string[], flags: CaptionFlags): Promise<void> {
  const { fps: framesPerSecond, maxTokens: maxTokensPerFrame, capacity: capacityTokens, seed, temperature } = flags
  for (const file of [flags.jsonl, flags.srt]) if (file && file !== '-') await claimFile(file, { force: flags.force })
  const [{ framesOf }, { captionCues, captionSampling, captionStream, createSampler, formatSrt, loadVlm, progressiveCues }] =
    await Promise.all([import('../caption/frames.ts'), import('@casa-js/vlm')])
  await startDevice(flags)
  const interrupt = onInterrupt()
  const { signal } = interrupt
  const captions: CaptionedFrame[] = []
  const showsText = flags.jsonl !== '-' && flags.srt !== '-'
  try {
    const vlm = await loadVlm(flags.model, { weights: flags.weights, signal })
    const sampling = { ...captionSampling, stopTokens: vlm.stopIds, ...(temperature !== undefined && { temperature }) }
    if (flags.jsonl && flags.jsonl !== '-') writeFileSync(flags.jsonl, '')
    const stream = captionStream(vlm, framesOf(paths, framesPerSecond), {
      prompt: flags.prompt,
      prefix: flags.prefix,
      framesPerSecond,
      maxTokensPerFrame,
      capacityTokens,
      budgetMs: flags.live ? undefined : Infinity,
      sampler: createSampler({ ...sampling, seed }),
      signal,
    })
    for await (const frame of stream) {
      captions.push(frame)
      if (flags.jsonl === '-') process.stdout.write(`${lineOf(frame)}\n`)
      else if (flags.jsonl) appendFileSync(flags.jsonl, `${lineOf(frame)}\n`)
      if (showsText) process.stdout.write(frame.text)
    }
    vlm.dispose()
  } finally {
    interrupt.release()
    if (showsText && captions.length > 0) process.stdout.write('\n')
    // After an interruption too: what was said until then.
    const srt = formatSrt(progressiveCues(captionCues(captions)))
    if (flags.srt === '-') process.stdout.write(srt)
    else if (flags.srt && captions.length > 0) await writeWhole(flags.srt, srt)
    await close()
  }
}
