/**
 * Packets -> decoded frames in presentation order, pulled one at a time. A packet is read and passed to the decoder only while a frame
 * is requested and none is ready, so decoding runs ahead only by the few frames that the decoder needs for reordering.
 */
import type { EncodedPacket } from 'mediabunny'
import type { Codecs, DecodedFrame, FrameDecoder } from './codecs.ts'

export interface TimedFrame {
  frame: DecodedFrame
  /** Timestamp of its packet, in seconds, unrounded. */
  startS: number
  durationS: number
}

/** Largest number of packets in the decoder's queue. */
const mostQueuedPackets = 2
/** Polling interval while waiting. The timer also keeps Node alive, since a busy decoder does not. */
const pollMs = 20

export interface FrameQueue {
  /** The next frame, or undefined after the last. Rejects with the decoder's error, after the frames before it. */
  next(): Promise<TimedFrame | undefined>
  close(): void
}

/** `nextPacket` gives packets in decoding order; `restart` means that packets before this one were skipped. */
export function createFrameQueue(
  codecs: Codecs,
  config: VideoDecoderConfig,
  nextPacket: () => Promise<{ packet: EncodedPacket; restart: boolean } | undefined>,
): FrameQueue {
  const ready: TimedFrame[] = []
  /** Packets whose frames have not been output, by time; at most as many as a decoder holds. */
  const pending: { timestampUs: number; startS: number; durationS: number }[] = []
  let failure: Error | undefined
  let ended = false
  let flushed = false
  let closed = false
  let wake = () => {}

  const decoder: FrameDecoder = codecs.createDecoder({
    output(frame) {
      const at = codecs.stampsFrames ? pending.findIndex(({ timestampUs }) => timestampUs === frame.timestamp) : 0
      const { startS, durationS } = pending[Math.max(0, at)] ?? { startS: frame.timestamp / 1e6, durationS: 0 }
      // Frames are output in presentation order, so the packets before this one gave none.
      pending.splice(0, at + 1)
      if (closed) frame.close()
      else ready.push({ frame, startS, durationS })
      wake()
    },
    error(error) {
      failure ??= error
      wake()
    },
    dequeue: () => wake(),
  })
  decoder.configure(config)

  const waitForDecoder = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pollMs)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  async function flush(): Promise<void> {
    const alive = setInterval(() => undefined, 1000)
    try {
      await decoder.flush()
    } catch (error) {
      failure ??= error as Error
    } finally {
      clearInterval(alive)
    }
  }

  async function feed(): Promise<void> {
    const next = await nextPacket()
    if (closed) return
    if (!next) {
      ended = true
      return
    }
    const { packet, restart } = next
    if (restart) await flush()
    if (closed || failure) return
    if (givesFrame(config.codec, packet.data)) {
      const { timestamp: startS, duration: durationS, microsecondTimestamp: timestampUs } = packet
      const at = pending.findIndex((other) => other.startS > startS)
      pending.splice(at < 0 ? pending.length : at, 0, { timestampUs, startS, durationS })
    }
    decoder.decode({ type: packet.type, timestampUs: packet.microsecondTimestamp, data: packet.data })
  }

  return {
    async next() {
      while (!closed) {
        const frame = ready.shift()
        if (frame) return frame
        if (failure) throw failure
        if (flushed) return undefined
        if (ended) {
          await flush()
          flushed = true
        } else if (decoder.decodeQueueSize < mostQueuedPackets) {
          await feed()
          // Decoders deliver frames in a later task.
          if (ready.length === 0 && decoder.decodeQueueSize > 0) await waitForDecoder()
        } else await waitForDecoder()
      }
      return undefined
    },
    close() {
      if (closed) return
      closed = true
      for (const { frame } of ready.splice(0)) frame.close()
      if (decoder.state !== 'closed') decoder.close()
      wake()
    },
  }
}

/** A VP8 packet may contain a reference frame that is never shown (RFC 6386, 9.1: show_frame). */
function givesFrame(codec: string, data: Uint8Array): boolean {
  return codec !== 'vp8' || ((data[0] ?? 0) & 0x10) !== 0
}
