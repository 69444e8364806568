/** What a client of the caption WebSocket has sent and was not read yet: settings, and the newest frame. */
import { createNewestQueue } from '@casa-js/base/internal'
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
  const queue = createNewestQueue<InboxFrame>()
  let ended = false
  let closing = false
  let wake = () => {}

  function take(message: CaptionMessage): void {
    if (message.type === 'start') {
      if (settings) throw new RequestError(400, '"start" comes once, before the first frame', 'type', 'invalid_order')
      settings = message.settings
    } else if (message.type === 'end') {
      ended = true
      queue.end()
    } else if (!ended) {
      settings ??= {}
      queue.push({ bytes: message.bytes, timeMs: message.timeMs ?? performance.now() - begin })
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
      queue.end()
      wake()
    },
    async settings() {
      while (!settings && !ended) await new Promise<void>((resolve) => (wake = resolve))
      return settings ?? {}
    },
    async next() {
      const taken = await queue.next()
      return taken && { frame: taken.item, dropped: taken.dropped }
    },
  }
}
