/** The part of WebCodecs that is used, as browsers have it and as @napi-rs/webcodecs has it for Node. */
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
  /** Whether a frame carries the time stamp of its own packet. @napi-rs/webcodecs hands the stamps out in decoding order. */
  readonly stampsFrames: boolean
  /** Frames that cannot be copied in their own format, by way of a canvas. */
  drawFrame?(frame: DecodedFrame): Uint8Array
}
