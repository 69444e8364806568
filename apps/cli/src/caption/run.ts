/** Runs `casa caption`: reads frames, writes captions to the screen and to files. */
import { ArgumentError } from '@casa-js/base'
import { close } from '@casa-js/tensor'
import { openVideo, type Video, type VideoInfo } from '@casa-js/video'
import { captionVideo, loadVlm, type Vlm } from '@casa-js/vlm'
import { checkStandardOutput, type CaptionFlags } from '../commands/caption.ts'
import { startDevice } from '../device.ts'
import { loadNotices } from '../load-notices.ts'
import { err } from '../terminal/colours.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { recordOf, type CaptionRecord } from './formats.ts'
import { openJournal, type Journal } from './journal.ts'
import { claimOutputs, createOutputs, videoOutputs } from './outputs.ts'
import { createCaptionReport } from './report.ts'
import { createScreen } from './screen.ts'
import { captionSettings, type CaptionSettings } from './settings.ts'

/** How often the model's state is saved next to the JSONL file. */
const saveEveryMs = 5000

/** @throws CasaError naming the option or file, before anything is computed, where possible. */
export async function captionVideos(videos: string[], flags: CaptionFlags): Promise<void> {
  checkStandardOutput(flags)
  if (flags.resume && (!flags.jsonl || flags.jsonl === '-'))
    throw new ArgumentError('--resume goes on from a JSONL file: name it with --jsonl')
  if (flags.inputFormat !== undefined && videos.length > 1)
    throw new ArgumentError(`--input-format: expected one device, found ${videos.length} videos`)
  await claimOutputs(videos, flags)
  const interrupt = onInterrupt()
  const { signal } = interrupt
  try {
    await startDevice(flags)
    const notices = loadNotices()
    const vlm = await loadVlm(flags.model, { weights: flags.weights, base: flags.base, signal, ...notices })
    notices.summary()
    try {
      await caption(vlm, videos, flags, signal)
    } finally {
      vlm.dispose()
    }
  } finally {
    interrupt.release()
    await close()
  }
}

async function caption(vlm: Vlm, videos: string[], flags: CaptionFlags, signal: AbortSignal): Promise<void> {
  const { isTrained, ...settings } = captionSettings(vlm, flags)
  const { framesPerSecond } = settings
  if (!isTrained)
    console.error(
      err.yellow(
        'this model does not say that it was trained to caption video (captions in processor_config.json): what it says may mean little',
      ),
    )
  const identity = { sources: videos, model: flags.model, framesPerSecond }
  const openOwn = async () =>
    flags.jsonl && flags.jsonl !== '-' ? openJournal(flags.jsonl, identity, flags.resume ?? false) : undefined
  // The state of an earlier run says where to begin; a new file is not created before the video can be read.
  let journal = flags.resume ? await openOwn() : undefined
  let video: Video | undefined
  const notes: Notes = { say: (text) => console.error(text) }
  try {
    const resumedAtMs = journal?.before.at(-1)?.end_ms ?? -Infinity
    if (journal && resumedAtMs >= (flags.to ?? Infinity) * 1000) {
      await createOutputs(flags).write(journal.before)
      return await journal.finish()
    }
    video = openSource(videos, flags, framesPerSecond, resumedAtMs, notes, signal)
    const info = await video.info()
    journal ??= await openOwn()
    await captionWith({ vlm, video, info, videos, flags, settings, journal, notes, signal })
  } finally {
    await video?.close()
    await journal?.close()
  }
}

/** Where notes go: to stderr, above the progress bar if there is one. */
interface Notes {
  say(text: string): void
}

interface Captioning {
  vlm: Vlm
  video: Video
  info: VideoInfo
  videos: readonly string[]
  flags: CaptionFlags
  settings: Omit<CaptionSettings, 'isTrained'>
  journal: Journal | undefined
  notes: Notes
  signal: AbortSignal
}

async function captionWith({ vlm, video, info, videos, flags, settings, journal, notes, signal }: Captioning): Promise<void> {
  const { durationMs, startMs = 0, live } = info
  const { framesPerSecond } = settings
  const records: CaptionRecord[] = [...(journal?.before ?? [])]
  const isLive = flags.live ?? live
  const endMs = Math.min((flags.to ?? Infinity) * 1000, durationMs === undefined ? Infinity : startMs + durationMs)
  const firstMs = Math.max(startMs, (flags.from ?? 0) * 1000)
  const screen = createScreen({ flags, framesPerSecond, isLive, firstMs, endMs })
  notes.say = (text) => screen.note(text)
  const outputs = createOutputs(flags)
  const report = flags.report === undefined ? undefined : createCaptionReport()
  let latest: { timeMs: number; image: Parameters<NonNullable<typeof report>['add']>[1] } | undefined
  async function* frames() {
    for await (const frame of video) {
      latest = frame
      yield frame
    }
  }

  const run = captionVideo(vlm, frames(), {
    ...settings,
    budgetMs: isLive ? undefined : Infinity,
    resume: journal?.state,
    signal,
  })
  let savedMs = -Infinity
  let dropped = 0
  try {
    for await (const event of run) {
      if (event.type === 'lag') screen.lag(event.lagMs, video.droppedFrames)
      else if (event.type === 'token') screen.token(event.text)
      else if (event.type === 'frame') {
        const record = recordOf(event.frame, video.droppedFrames - dropped)
        dropped = video.droppedFrames
        records.push(record)
        await journal?.append(record)
        outputs.frame(record)
        screen.frame(record, event.frame.index + (journal?.before.length ?? 0) + 1)
        if (report && latest && record.text.trim() !== '') await report.add(record, latest.image)
        if (performance.now() - savedMs < saveEveryMs) continue
        await journal?.save(await run.save())
        await outputs.write(records)
        savedMs = performance.now()
      }
    }
    await journal?.finish()
  } finally {
    screen.stop()
    // Also after an interruption or an error, with the captions so far.
    if (records.length > 0) {
      await outputs.write(records)
      const facts = { video: videos.join(', '), model: flags.model, 'frames per second': String(framesPerSecond) }
      if (report) await outputs.writeReport(report.page(records, facts))
    }
    outputs.end()
  }
  await videoOutputs(videos, records, flags, signal)
}

function openSource(
  videos: string[],
  flags: CaptionFlags,
  framesPerSecond: number,
  resumedAtMs: number,
  notes: Notes,
  signal: AbortSignal,
): Video {
  const { size: sizePx, to, live, follow, inputFormat } = flags
  const from = Number.isFinite(resumedAtMs) ? resumedAtMs / 1000 : flags.from
  const [first] = videos as [string]
  const source = inputFormat !== undefined ? { ffmpeg: ['-f', inputFormat, '-i', first] } : videos.length === 1 ? first : videos
  return openVideo(source, {
    ...(inputFormat !== undefined && { name: first }),
    framesPerSecond,
    sizePx,
    from,
    to,
    signal,
    live,
    follow,
    onEvent: (event) => {
      if (event.type === 'damage') notes.say(err.yellow(`${(event.timeMs / 1000).toFixed(1)} s: ${event.message}`))
    },
  })
}
