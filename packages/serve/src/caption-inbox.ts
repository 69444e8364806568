/** What a client of the caption WebSocket has sent and was not read yet: settings, and the newest frame. */
import { parseCaptionMessage, type CaptionMessage, type CaptionSettings } from './caption-messages.ts'
import { RequestError } from './errors.ts'

/** An image file and its time in the video. */
export interface InboxFrame {
  bytes: Uint8Array
  timeMs: number
}

/** Created by `createInbox`. */
export interface Inbox {
  /** Whether the server is closing. */
  readonly closing: boolean
  /** Aborted when a message is wrong. */
  readonly failed: AbortSignal
  message(data: string | Uint8Array): void
  /** Take no more frames. */
  close(): void
  /** The settings of the "start" message; empty ones if a frame came first. */
  settings(): Promise<CaptionSettings>
  /** The newest frame, and how many were dropped before it; undefined at the end. */
  next(): Promise<{ frame: InboxFrame; dropped: number } | undefined>
}

/** @returns an empty inbox; frames without a time are timed from now on */
export function createInbox(): Inbox {
  const failure = new AbortController()
  const begin = performance.now()
  let settings: CaptionSettings | undefined
  let waiting: InboxFrame | undefined
  let dropped = 0
  let ended = false
  let closing = false
  let wake = () => {}
  const change = () => new Promise<void>((resolve) => (wake = resolve))

  function take(message: CaptionMessage): void {
    if (message.type === 'start') {
      if (settings || waiting || dropped > 0)
        throw new RequestError(400, '"start" comes once, before the first frame', 'type', 'invalid_order')
      settings = message.settings
    } else if (message.type === 'end') ended = true
    else if (!ended) {
      settings ??= {}
      if (waiting) dropped++
      waiting = { bytes: message.bytes, timeMs: message.timeMs ?? performance.now() - begin }
    }
  }

  return {
    get closing() {
      return closing
    },
    failed: failure.signal,
    message(data) {
      try {
        take(parseCaptionMessage(data))
      } catch (error) {
        failure.abort(error)
      }
      wake()
    },
    close() {
      closing = true
      ended = true
      wake()
    },
    async settings() {
      while (!settings && !ended) await change()
      return settings ?? {}
    },
    async next() {
      while (!waiting && !ended) await change()
      if (!waiting) return undefined
      const taken = { frame: waiting, dropped }
      waiting = undefined
      dropped = 0
      return taken
    },
  }
}
