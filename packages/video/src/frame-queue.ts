/**
 * Packets -> decoded frames in the order in which they are shown, pulled one at a time. A packet is read and given to the decoder only
 * while a frame is asked for and none is ready, so nothing runs ahead but the few frames that a decoder holds to put them in order.
 */
import type { EncodedPacket } from 'mediabunny'
import type { Codecs, DecodedFrame, FrameDecoder } from './codecs.ts'

export interface TimedFrame {
  frame: DecodedFrame
  /** Of its packet, in seconds, unrounded. */
  startS: number
  durationS: number
}

/** Packets given to the decoder and not taken up yet. */
const mostQueuedPackets = 2
/** How often waiting looks again. The timer also keeps Node alive, which does not count a decoder at work. */
const pollMs = 20

export interface FrameQueue {
  /** The next frame, or undefined after the last. Rejects with what the decoder reports; frames before that came out first. */
  next(): Promise<TimedFrame | undefined>
  close(): void
}

/** `nextPacket` gives packets in decoding order; `restart` before a packet means that packets were left out in front of it. */
export function createFrameQueue(
  codecs: Codecs,
  config: VideoDecoderConfig,
  nextPacket: () => Promise<{ packet: EncodedPacket; restart: boolean } | undefined>,
): FrameQueue {
  const ready: TimedFrame[] = []
  /** Packets whose frames have not come out, by time; at most as many as a decoder holds. */
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
      // Frames come in the order of their times: packets in front of this one gave none.
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
          // Frames are handed over between tasks.
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

/** VP8's packets may hold a picture that is only referred to, never shown (RFC 6386, 9.1: show_frame). */
function givesFrame(codec: string, data: Uint8Array): boolean {
  return codec !== 'vp8' || ((data[0] ?? 0) & 0x10) !== 0
}
