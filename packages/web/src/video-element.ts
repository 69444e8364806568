/** Captions of what a video element shows: its frames go to the model at a chosen rate of its own clock, so that pausing it pauses all. */
import type { CaptionOptions, LiveCaptions, VlmClient } from './vlm-client.ts'

/** Options of captions for a video element. */
export interface VideoCaptionOptions extends CaptionOptions {
  /** Longer side of the frames that the model gets, in pixels. Default: 448. */
  frameSizePx?: number | undefined
}

/**
 * Caption a video element that plays a file, a camera or the screen. Frames are taken while it plays; captions end with it. `stop` ends the
 * captions and leaves the element as it is.
 */
export function captionElement(
  client: Pick<VlmClient, 'caption'>,
  video: HTMLVideoElement,
  { frameSizePx = 448, framesPerSecond = 2, ...options }: VideoCaptionOptions,
): LiveCaptions {
  const live = client.caption({ ...options, framesPerSecond })
  let isOver = false
  const over = () => (isOver = true)
  live.finished.then(over, over)
  let due = video.currentTime
  async function tick(): Promise<void> {
    if (isOver) return
    const hasFrame = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && video.videoWidth > 0
    // A video that was wound back starts again from there.
    if (video.currentTime < due - 2 / framesPerSecond) due = video.currentTime
    if (!video.paused && hasFrame && video.currentTime >= due) {
      const timeMs = video.currentTime * 1000
      due = Math.max(due + 1 / framesPerSecond, video.currentTime)
      const scale = Math.min(1, frameSizePx / Math.max(video.videoWidth, video.videoHeight))
      const image = await createImageBitmap(video, {
        resizeWidth: Math.max(1, Math.round(video.videoWidth * scale)),
        resizeHeight: Math.max(1, Math.round(video.videoHeight * scale)),
        resizeQuality: 'high',
        // Its source may be taken away meanwhile: then there is no frame.
      }).catch(() => undefined)
      if (image) live.push({ image, timeMs })
    }
    if (video.ended) return void live.end()
    requestAnimationFrame(() => void tick())
  }
  void tick()
  return live
}
