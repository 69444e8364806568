/** Live captions as the page holds them: a source that plays, a clock that stops with it, and what was said. */
import { signal } from '@preact/signals'
import { captionElement, type LiveCaption, type LiveCaptions, type VlmClient } from '@casa-js/web'

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

let running: LiveCaptions | undefined
let video: HTMLVideoElement | undefined

/** Caption what a video element shows. */
export async function start(client: VlmClient, element: HTMLVideoElement): Promise<void> {
  await stop()
  captions.value = []
  failure.value = undefined
  video = element
  const { framesPerSecond, maxTokensPerFrame, prompt, temperature } = settings.value
  const live = (running = captionElement(client, element, {
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
  await ending?.stop().catch(() => {})
  finish()
}

function finish(): void {
  running = undefined
  video?.pause()
  status.value = 'idle'
}
