/** The packets of a track in decoding order, without those whose pictures are not needed. */
import { EncodedPacketSink, type EncodedPacket, type InputVideoTrack } from 'mediabunny'
import type { ReelOptions, Wanted } from './reel.ts'

export interface PacketReader {
  /** The next packet; `restart` when packets before it were skipped. Undefined at the end of the readable part. */
  next(): Promise<{ packet: EncodedPacket; restart: boolean } | undefined>
  /** After a decoder error: continue at the next key packet. Returns whether there is one. */
  skipToKey(): Promise<boolean>
  /** Report, once, that part of the file cannot be read. */
  tellDamage(cause: unknown): void
}

/** Starts at the last key packet before `wanted`, and skips every group of pictures that ends before `wanted`. */
export function createPacketReader(
  track: InputVideoTrack,
  wanted: Wanted,
  { seekable, tell, signal }: Pick<ReelOptions, 'tell' | 'signal'> & { seekable: boolean },
): PacketReader {
  const sink = new EncodedPacketSink(track)
  let last: EncodedPacket | undefined
  let resume: EncodedPacket | undefined
  let checkedS = -Infinity
  /** Time of the key packet after the last skip; later packets with earlier times depend on skipped ones. */
  let keyS = -Infinity
  let damaged = false

  async function read(): Promise<{ packet: EncodedPacket | null; restart: boolean }> {
    if (resume) {
      const packet = resume
      resume = undefined
      return { packet, restart: true }
    }
    if (!last) {
      const key = seekable ? await sink.getKeyPacket(wanted.timeS) : null
      return { packet: key ?? (await sink.getFirstKeyPacket()), restart: true }
    }
    const packet = await sink.getNextPacket(last)
    if (!seekable || !packet || packet.timestamp > wanted.timeS || checkedS === wanted.timeS) return { packet, restart: false }
    checkedS = wanted.timeS
    const key = await sink.getKeyPacket(wanted.timeS, { metadataOnly: true })
    if (!key || key.sequenceNumber <= packet.sequenceNumber) return { packet, restart: false }
    return { packet: await sink.getKeyPacket(wanted.timeS), restart: true }
  }

  function tellDamage(cause: unknown): void {
    if (damaged) return
    damaged = true
    const message = `cut off or damaged: ${cause instanceof Error ? cause.message : String(cause)}`
    tell({ type: 'damage', message, timeMs: (last?.timestamp ?? 0) * 1000 })
  }

  async function next(): ReturnType<PacketReader['next']> {
    for (;;) {
      signal.throwIfAborted()
      const isFirst = last === undefined
      const { packet, restart } = await read().catch((cause: unknown) => {
        signal.throwIfAborted()
        if (isFirst) throw cause
        tellDamage(cause)
        return { packet: null, restart: false }
      })
      if (!packet) return undefined
      last = packet
      if (restart) keyS = packet.timestamp
      if (packet.timestamp >= keyS) return { packet, restart: restart && !isFirst }
    }
  }

  return {
    next,
    tellDamage,
    async skipToKey() {
      resume = (last && (await sink.getNextKeyPacket(last).catch(() => null))) ?? undefined
      return resume !== undefined
    },
  }
}
