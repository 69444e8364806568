/** The part of WebCodecs that we use, available in browsers and, through @napi-rs/webcodecs, in Node. */
import type { ColorSpace, Plane } from './pixels.ts'

export interface DecodedFrame {
  readonly format: string | null
  /** Microseconds. */
  readonly timestamp: number
  readonly displayWidth: number
  readonly displayHeight: number
  readonly visibleRect: { readonly width: number; readonly height: number } | null
  readonly colorSpace: ColorSpace
  allocationSize(options?: { format?: 'RGBA' }): number
  copyTo(to: Uint8Array, options?: { format?: 'RGBA' }): Promise<Plane[]>
  close(): void
}

export interface FrameDecoder {
  readonly state: 'unconfigured' | 'configured' | 'closed'
  readonly decodeQueueSize: number
  configure(config: VideoDecoderConfig): void
  decode(packet: { type: 'key' | 'delta'; timestampUs: number; data: Uint8Array }): void
  flush(): Promise<void>
  close(): void
}

export interface DecoderEvents {
  output(frame: DecodedFrame): void
  error(error: Error): void
  dequeue(): void
}

export interface Codecs {
  isSupported(config: VideoDecoderConfig): Promise<boolean>
  createDecoder(events: DecoderEvents): FrameDecoder
  /** Whether a frame has the timestamp of its own packet. @napi-rs/webcodecs assigns timestamps in decoding order. */
  readonly stampsFrames: boolean
  /** Copies frames that cannot be copied in their own format, through a canvas. */
  drawFrame?(frame: DecodedFrame): Uint8Array
}
