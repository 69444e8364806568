/** Live captions as the page holds them: a source that plays, a clock that stops with it, and what was said. */
import { signal } from '@preact/signals'
import type { LiveCaption, LiveCaptions, VlmClient } from '@casa-js/web'

/** A caption with the time at which it was there. */
export interface TimedCaption extends LiveCaption {
  /** How far behind the frame it came, in milliseconds of the source's clock. */
  lagMs: number
}

/** What the person chose. */
export interface LiveSettings {
  framesPerSecond: number
  /** undefined: as the model's folder says. */
  maxTokensPerFrame?: number | undefined
  prompt: string
  /** undefined: as the model's folder says. */
  temperature?: number | undefined
}

export const settings = signal<LiveSettings>({ framesPerSecond: 2, prompt: '' })
export const captions = signal<TimedCaption[]>([])
export const status = signal<'idle' | 'running' | 'paused'>('idle')
export const failure = signal<Error | undefined>(undefined)

/** Longer side of the frames that the model gets. */
const frameSizePx = 448

let running: LiveCaptions | undefined
let video: HTMLVideoElement | undefined
let pump = 0

/**
 * Caption what a video element shows. Frames go to the model at the chosen rate of the element's own clock, so pausing the element
 * pauses everything.
 */
export async function start(client: VlmClient, element: HTMLVideoElement): Promise<void> {
  await stop()
  captions.value = []
  failure.value = undefined
  video = element
  const { framesPerSecond, maxTokensPerFrame, prompt, temperature } = settings.value
  const live = (running = client.caption({
    framesPerSecond,
    maxTokensPerFrame,
    prompt: prompt || undefined,
    ...(temperature !== undefined && { sampling: { temperature } }),
    onCaption: (caption) =>
      (captions.value = [...captions.value, { ...caption, lagMs: element.currentTime * 1000 - caption.startMs }]),
  }))
  live.finished.then(
    () => running === live && finish(),
    (error: unknown) => {
      failure.value = error as Error
      finish()
    },
  )
  status.value = 'running'
  await element.play()
  let due = element.currentTime
  const tick = async () => {
    if (running !== live) return
    if (!element.paused && element.currentTime >= due && element.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) {
      const timeMs = element.currentTime * 1000
      due = Math.max(due + 1 / framesPerSecond, element.currentTime)
      const scale = Math.min(1, frameSizePx / Math.max(element.videoWidth, element.videoHeight))
      const image = await createImageBitmap(element, {
        resizeWidth: Math.max(1, Math.round(element.videoWidth * scale)),
        resizeHeight: Math.max(1, Math.round(element.videoHeight * scale)),
        resizeQuality: 'high',
      })
      live.push({ image, timeMs })
    }
    if (element.ended) return void live.end()
    pump = requestAnimationFrame(() => void tick())
  }
  void tick()
}

/** Hold source and captions, or go on. */
export async function togglePause(): Promise<void> {
  if (!video) return
  if (video.paused) await video.play()
  else video.pause()
  status.value = video.paused ? 'paused' : 'running'
}

/** End the captions; the history stays. */
export async function stop(): Promise<void> {
  const ending = running
  running = undefined
  cancelAnimationFrame(pump)
  await ending?.stop().catch(() => {})
  finish()
}

function finish(): void {
  running = undefined
  video?.pause()
  status.value = 'idle'
}
