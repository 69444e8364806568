/** A video file as a reel: mediabunny demuxes it, WebCodecs decodes it. */
import { IsobmffInputFormat, type Input, type InputVideoTrack } from 'mediabunny'
import type { RgbImage } from '@casa-js/base'
import type { Codecs, DecodedFrame } from './codecs.ts'
import { VideoError } from './errors.ts'
import { createFrameQueue, type FrameQueue } from './frame-queue.ts'
import { createPacketReader } from './packets.ts'
import { orient, shownSize, type Orientation } from './orient.ts'
import { planesToRgb, type ColorSpace } from './pixels.ts'
import type { ReelOptions, Shown, ShownReel, Wanted } from './reel.ts'

/** What is known of a file before a decoder is chosen. */
export interface OpenedTrack {
  input: Input
  track: InputVideoTrack
  config: VideoDecoderConfig
}

export interface FileReelOptions extends ReelOptions {
  /** Whether the source can be read at any position; a stream cannot. */
  seekable: boolean
  /** Whether the file is known to be truncated. */
  isCut?: boolean
}

/** Seconds by which a file may end before its declared length without being reported as damaged. */
const mostMissingS = 0.5

/** Give up after this many decoders in a row have failed without a frame. */
const mostFailures = 4

/**
 * A reel of an opened track.
 * @throws VideoError when frames have more than `maxPixels` pixels.
 */
export async function createFileReel(
  { input, track, config }: OpenedTrack,
  codecs: Codecs,
  options: FileReelOptions,
): Promise<ShownReel> {
  const { sizePx, maxPixels, name } = options
  const [firstS, durationS, codec] = await Promise.all([
    track.getFirstTimestamp(),
    track.getDurationFromMetadata({ skipLiveWait: true }),
    track.getCodec(),
  ])
  // What an edit list cuts off at the start has negative times and is not shown.
  const startS = Math.max(0, firstS)
  const [codedWidth, codedHeight] = [await track.getCodedWidth(), await track.getCodedHeight()]
  if (codedWidth * codedHeight > maxPixels)
    throw new VideoError(
      `${name}: frames of ${codedWidth} x ${codedHeight} pixels are more than the ${maxPixels} allowed; raise maxPixels`,
    )
  const { num, den } = await track.getPixelAspectRatio()
  const orientation: Orientation = {
    rotation: await track.getRotation(),
    flip: await track.getFlip(),
    pixelAspect: num / den,
  }
  const color = await track.getColorSpace()
  const [width, height] = shownSize(codedWidth, codedHeight, orientation.pixelAspect, sizePx)
  const turned = orientation.rotation % 180 !== 0
  // In mp4 this is the length of the track; in other containers the audio may be longer.
  const declaredS = durationS !== null && (await input.getFormat()) instanceof IsobmffInputFormat ? durationS : undefined
  let queue: FrameQueue | undefined

  /** Containers round times; the declared length limits the end of the last frame. */
  function endOf(startS: number, lengthS: number): { endS?: number } {
    if (lengthS <= 0) return {}
    const endS = startS + lengthS
    return { endS: durationS !== null && durationS > startS ? Math.min(endS, durationS) : endS }
  }

  async function* shown(wanted: Wanted): AsyncGenerator<Shown> {
    const packets = createPacketReader(track, wanted, options)
    let failures = 0
    let reachedS = startS
    // A decoder that failed cannot be reused: continue with a new one at the next key frame.
    for (let more = true; more;) {
      more = false
      const decoding = createFrameQueue(codecs, config, packets.next)
      queue = decoding
      try {
        for (let timed = await decoding.next(); timed; timed = await decoding.next()) {
          const { frame, startS, durationS } = timed
          failures = 0
          reachedS = Math.max(reachedS, timed.startS + durationS)
          yield {
            startS,
            ...endOf(startS, durationS),
            image: async () => orient(await frameToRgb(frame, codecs, color, name), orientation, sizePx),
            close: () => frame.close(),
          }
        }
      } catch (cause) {
        options.signal.throwIfAborted()
        if (++failures === mostFailures)
          throw new VideoError(`${name}: ${codec ?? config.codec} cannot be decoded: ${(cause as Error).message}`, { cause })
        packets.tellDamage(cause)
        more = await packets.skipToKey()
      } finally {
        decoding.close()
      }
    }
    if (options.isCut || (declaredS !== undefined && reachedS < declaredS - mostMissingS))
      packets.tellDamage(`it ends after ${reachedS.toFixed(2)} seconds`)
  }

  return {
    info: {
      widthPx: turned ? height : width,
      heightPx: turned ? width : height,
      startMs: startS * 1000,
      ...(durationS !== null && { durationMs: (durationS - startS) * 1000 }),
      codec: codec ?? config.codec,
      decoder: 'webcodecs',
      live: options.live ?? false,
    },
    startS,
    shown,
    close() {
      queue?.close()
      input.dispose()
    },
  }
}

async function frameToRgb(frame: DecodedFrame, codecs: Codecs, declared: ColorSpace, name: string): Promise<RgbImage> {
  const [width, height] = [frame.visibleRect?.width ?? frame.displayWidth, frame.visibleRect?.height ?? frame.displayHeight]
  const { format } = frame
  // What the file declares takes precedence over what a decoder assumes.
  const color = {
    matrix: declared.matrix ?? frame.colorSpace.matrix,
    fullRange: declared.fullRange ?? frame.colorSpace.fullRange,
  }
  if (format === null) {
    const drawn = codecs.drawFrame?.(frame)
    if (!drawn) throw new VideoError(`${name}: a decoded frame cannot be read`)
    return planesToRgb('RGBA', drawn, [{ offset: 0, stride: width * 4 }], width, height, color)
  }
  const bytes = new Uint8Array(frame.allocationSize())
  return planesToRgb(format, bytes, await frame.copyTo(bytes), width, height, color)
}
