/** The packets of a track in decoding order, without those that nobody will see the pictures of. */
import { EncodedPacketSink, type EncodedPacket, type InputVideoTrack } from 'mediabunny'
import type { ReelOptions, Wanted } from './reel.ts'

export interface PacketReader {
  /** The next packet; `restart` when packets in front of it were left out. Undefined at the end of what can be read. */
  next(): Promise<{ packet: EncodedPacket; restart: boolean } | undefined>
  /** After an error of the decoder: go on at the next key packet. Whether there is one. */
  skipToKey(): Promise<boolean>
  /** Tell, once, that not all of the file can be read. */
  tellDamage(cause: unknown): void
}

/** Reads from the key packet in front of `wanted`, and from there jumps over every group of pictures that is over before `wanted`. */
export function createPacketReader(
  track: InputVideoTrack,
  wanted: Wanted,
  { seekable, tell, signal }: Pick<ReelOptions, 'tell' | 'signal'> & { seekable: boolean },
): PacketReader {
  const sink = new EncodedPacketSink(track)
  let last: EncodedPacket | undefined
  let resume: EncodedPacket | undefined
  let checkedS = -Infinity
  /** Pictures before this time, behind the key packet of this time, refer to what was left out in front of it. */
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
