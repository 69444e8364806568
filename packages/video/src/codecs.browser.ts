/** The browser's WebCodecs. */
import type { Codecs } from './codecs.ts'
import { VideoError } from './errors.ts'

/** The codecs, or undefined in a browser without WebCodecs. */
export async function loadCodecs(): Promise<Codecs | undefined> {
  if (typeof VideoDecoder === 'undefined') return undefined
  return {
    stampsFrames: true,
    isSupported: async (config) => (await VideoDecoder.isConfigSupported(config)).supported ?? false,
    createDecoder({ output, error, dequeue }) {
      const decoder = new VideoDecoder({ output, error })
      decoder.addEventListener('dequeue', dequeue)
      return {
        get state() {
          return decoder.state
        },
        get decodeQueueSize() {
          return decoder.decodeQueueSize
        },
        configure: (config) => decoder.configure(config),
        decode: ({ type, timestampUs, data }) => decoder.decode(new EncodedVideoChunk({ type, timestamp: timestampUs, data })),
        flush: () => decoder.flush(),
        close: () => decoder.close(),
      }
    },
    drawFrame: (frame) => drawFrame(frame as VideoFrame),
  }
}

/** The pixels of a frame or image as rgba [height, width, 4], through a canvas. */
export function drawFrame(frame: VideoFrame): Uint8Array {
  const { displayWidth, displayHeight } = frame
  const context = new OffscreenCanvas(displayWidth, displayHeight).getContext('2d', { willReadFrequently: true })
  if (!context) throw new VideoError(`this browser gives no canvas of ${displayWidth} x ${displayHeight} pixels`)
  context.drawImage(frame, 0, 0)
  return new Uint8Array(context.getImageData(0, 0, displayWidth, displayHeight).data.buffer)
}
