/** WebCodecs for Node: @napi-rs/webcodecs, an optional peer dependency, since browsers have their own. */
import type { Codecs } from './codecs.ts'

let loading: Promise<Codecs | undefined> | undefined

/** The codecs, or undefined if the package is not installed or has no binary for this machine. */
export function loadCodecs(): Promise<Codecs | undefined> {
  loading ??= import('@napi-rs/webcodecs').then(
    ({ VideoDecoder, EncodedVideoChunk }): Codecs => ({
      stampsFrames: false,
      // The package mistakes green, blue and red planes for luma and chroma.
      isSupported: async (config) =>
        config.colorSpace?.matrix !== 'rgb' && (await VideoDecoder.isConfigSupported(ownConfig(config))).supported,
      createDecoder({ output, error, dequeue }) {
        const decoder = new VideoDecoder({ output, error })
        decoder.ondequeue = dequeue
        return {
          get state() {
            return decoder.state
          },
          get decodeQueueSize() {
            return decoder.decodeQueueSize
          },
          configure: (config) => decoder.configure(ownConfig(config)),
          decode: ({ type, timestampUs, data }) => decoder.decode(new EncodedVideoChunk({ type, timestamp: timestampUs, data })),
          flush: () => decoder.flush(),
          close: () => decoder.close(),
        }
      },
    }),
    () => undefined,
  )
  return loading
}

/** Decodes on the CPU, so that frames are the same on every machine. */
function ownConfig({ codec, codedWidth, codedHeight, description }: VideoDecoderConfig) {
  return {
    codec,
    codedWidth: codedWidth ?? 0,
    codedHeight: codedHeight ?? 0,
    ...(description && { description: bytesOf(description) }),
    hardwareAcceleration: 'prefer-software' as const,
  }
}

function bytesOf(source: AllowSharedBufferSource): Uint8Array {
  return ArrayBuffer.isView(source) ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : new Uint8Array(source)
}
