/** Opening a file or stream with mediabunny: its container, its video track, and whether the available codecs can decode it. */
import { ALL_FORMATS, Input, type Source } from 'mediabunny'
import type { Codecs } from './codecs.ts'
import { VideoError } from './errors.ts'
import type { OpenedTrack } from './file-reel.ts'
import type { ReelOptions } from './reel.ts'

/** Why a file cannot be read here, although another decoder might. */
export interface Unreadable {
  reason: string
}

const noIndex = 'its index (moov) is missing, as in a recording that was cut off'

/** The video track of a file, or why there is none that can be decoded. */
export async function openTrack(
  source: Source,
  codecs: Codecs | undefined,
  { name, signal }: Pick<ReelOptions, 'name' | 'signal'>,
): Promise<OpenedTrack | Unreadable> {
  const input = new Input({ formats: ALL_FORMATS, source })
  const dispose = () => input.dispose()
  signal.addEventListener('abort', dispose, { once: true })
  const unreadable = (reason: string): Unreadable => {
    signal.removeEventListener('abort', dispose)
    input.dispose()
    return { reason }
  }
  try {
    if (!(await input.canRead())) return unreadable(`its container is unknown, or ${noIndex}`)
    const track = await input.getPrimaryVideoTrack()
    if (!track) {
      if ((await input.getAudioTracks()).length === 0) return unreadable(noIndex)
      input.dispose()
      throw new VideoError(`${name}: there is no video in it, only sound`)
    }
    const codec = await track.getCodec()
    const config = await track.getDecoderConfig()
    if (!codec || !config) {
      const id = await track.getInternalCodecId()
      return unreadable(`its codec ${typeof id === 'string' ? id : 'is unknown'} is not among AVC, HEVC, VP8, VP9 and AV1`)
    }
    if (!codecs) return unreadable('there is no WebCodecs')
    if (!(await codecs.isSupported(config).catch(() => false)))
      return unreadable(`its codec ${codec.toUpperCase()} (${config.codec}) has no decoder`)
    return { input, track, config }
  } catch (cause) {
    signal.throwIfAborted()
    if (VideoError.isInstance(cause)) throw cause
    return unreadable(cause instanceof Error ? cause.message : String(cause))
  }
}

/** Advice for a video that cannot be decoded. */
export function unreadableError(name: string, reason: string, wayOut: string): VideoError {
  return new VideoError(`${name}: cannot be decoded: ${reason}. ${wayOut}`)
}

/** Advice on converting a video to a widely supported format. */
export const convert = 'convert it, e.g. with `ffmpeg -i INPUT -c:v libx264 -pix_fmt yuv420p OUTPUT.mp4`'
