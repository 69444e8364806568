/** Cameras, screens, tracks and canvases: captures their current frame at each requested time. */
import type { RgbImage } from '@casa-js/base'
import { VideoError } from './errors.ts'
import { orient, upright } from './orient.ts'
import { planesToRgb } from './pixels.ts'
import { sleep } from './newest.ts'
import type { FrameReel, ReelOptions } from './reel.ts'
import type { LiveSource, VideoFrame as Frame } from './types.ts'

/** The image to draw on a canvas now, or undefined before the first frame and after the last. */
interface Eye {
  look(): { picture: CanvasImageSource; widthPx: number; heightPx: number } | undefined
  readonly ended: boolean
  close(): void
}

type BrowserSource = Exclude<LiveSource, { ffmpeg: readonly string[] }>

/**
 * Open a live source in the browser; the user is asked for a camera or a screen.
 * @throws VideoError when the user or the browser denies access, or the source has no video.
 */
export async function openCapture(
  source: BrowserSource,
  { framesPerSecond, sizePx, from = 0, to = Infinity, name, signal }: ReelOptions,
): Promise<FrameReel> {
  const eye = await openEye(source, name)
  signal.addEventListener('abort', () => eye.close(), { once: true })

  async function* frames(): AsyncGenerator<Frame> {
    const canvas = new OffscreenCanvas(1, 1)
    const context = canvas.getContext('2d', { willReadFrequently: true })
    if (!context) throw new VideoError(`${name}: this browser gives no canvas to read pixels from`)
    while (!eye.look() && !eye.ended && !signal.aborted) await sleep(10, signal)
    const startedAt = performance.now()
    for (let index = Math.ceil(from * framesPerSecond); !eye.ended; index++) {
      await sleep(startedAt + (index * 1000) / framesPerSecond - performance.now(), signal)
      signal.throwIfAborted()
      // Skip the times that have passed meanwhile.
      index = Math.max(index, Math.floor(((performance.now() - startedAt) * framesPerSecond) / 1000))
      const timeMs = (index * 1000) / framesPerSecond
      if (timeMs >= to * 1000) return
      const seen = eye.look()
      if (!seen) continue
      const { picture, widthPx, heightPx } = seen
      if (canvas.width !== widthPx || canvas.height !== heightPx) Object.assign(canvas, { width: widthPx, height: heightPx })
      context.drawImage(picture, 0, 0)
      const rgba = new Uint8Array(context.getImageData(0, 0, widthPx, heightPx).data.buffer)
      const image: RgbImage = planesToRgb('RGBA', rgba, [{ offset: 0, stride: widthPx * 4 }], widthPx, heightPx, {})
      yield { image: orient(image, upright, sizePx), timeMs, durationMs: 1000 / framesPerSecond }
    }
  }

  return { info: { startMs: 0, decoder: 'capture', live: true }, frames, realTime: true, close: () => eye.close() }
}

async function openEye(source: BrowserSource, name: string): Promise<Eye> {
  if (typeof document === 'undefined')
    throw new VideoError(`${name}: cameras, screens and canvases are read in a page, not in a worker`)
  if (source instanceof HTMLCanvasElement) {
    let ended = false
    return {
      look: () =>
        source.width > 0 && source.height > 0 ? { picture: source, widthPx: source.width, heightPx: source.height } : undefined,
      get ended() {
        return ended
      },
      close: () => (ended = true),
    }
  }
  if (source instanceof MediaStreamTrack) return eyeOfTrack(source, false)
  if (source instanceof MediaStream) return eyeOfTrack(videoTrackOf(source, name), false)
  const asked = 'camera' in source ? 'camera' : 'screen'
  try {
    const stream =
      'camera' in source
        ? await navigator.mediaDevices.getUserMedia({ video: constraintsOf(source.camera) })
        : await navigator.mediaDevices.getDisplayMedia(source.screen === true ? { video: true } : source.screen)
    return eyeOfTrack(videoTrackOf(stream, name), true)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new VideoError(`the ${asked} was refused: ${reason}; allow it in the browser, on a page of https or localhost`, {
      cause,
    })
  }
}

const constraintsOf = (camera: true | string | MediaTrackConstraints) =>
  typeof camera === 'string' ? { deviceId: camera } : camera

function videoTrackOf(stream: MediaStream, name: string): MediaStreamTrack {
  const track = stream.getVideoTracks()[0]
  if (!track) throw new VideoError(`${name}: there is no video in the stream`)
  return track
}

/** `owned`: the track was opened here and is stopped at the end. */
function eyeOfTrack(track: MediaStreamTrack, owned: boolean): Eye {
  const video = document.createElement('video')
  video.muted = true
  video.playsInline = true
  video.srcObject = new MediaStream([track])
  void video.play().catch(() => undefined)
  let closed = false
  return {
    look: () =>
      video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && video.videoWidth > 0
        ? { picture: video, widthPx: video.videoWidth, heightPx: video.videoHeight }
        : undefined,
    get ended() {
      return closed || track.readyState === 'ended'
    },
    close() {
      closed = true
      video.srcObject = null
      if (owned) track.stop()
    },
  }
}
