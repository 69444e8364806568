/**
 * Live captions over a WebSocket: frames in, captions out.
 *
 *   client   start {settings}, then frames (binary images, or JSON with a data URL), then end
 *   server   ready, then for each frame: token .., frame {text, dropped ..}; error; done
 *
 * The newest frame wins: while the model is busy one frame waits, undecoded, and another that arrives replaces it.
 */
import { unlessAborted } from '@casa-js/base/internal'
import { decodeImage, ImageError } from '@casa-js/vision'
import { captionDefaults, captionVideo, createSampler, type VideoFrame, type Vlm } from '@casa-js/vlm'
import { createInbox, type Inbox } from './caption-inbox.ts'
import { errorBody, RequestError, toRequestError } from './errors.ts'

/** A WebSocket, as a platform has it. */
export interface CaptionSocket {
  /** Resolves once the message was handed to the network, so that a slow reader slows the captions. */
  send(text: string): Promise<void>
  close(code: number, reason: string): void
}

/** The side of a connection that the platform calls. */
export interface CaptionConnection {
  message(data: string | Uint8Array): void
  /** The client has disconnected. */
  closed(): void
}

/** Created by `createCaptions`. */
export interface Captions {
  /** Connections now. */
  readonly streams: number
  /** Begin to caption what a socket sends. */
  open(socket: CaptionSocket): CaptionConnection
  /** Ends every connection after its current frame. @returns when all have ended */
  end(): Promise<void>
}

/** What captions are served with. */
export interface CaptionsOptions {
  vlm: Vlm
  modelId: string
  maxStreams: number
  maxPixels: number
  /** A connection that gets no caption in this time is closed. */
  maxIdleMs: number
  capacityTokens: number
  /** Aborted when the server ends at once. */
  ending: AbortSignal
  onFrame(dropped: number): void
  onError?: ((error: unknown) => void) | undefined
}

/** @returns captions for any number of connections, up to a limit */
export function createCaptions(options: CaptionsOptions): Captions {
  const { maxStreams, ending, onError } = options
  const running = new Map<Promise<void>, { close(): void }>()
  let ended = false

  return {
    get streams() {
      return running.size
    },
    open(socket) {
      const left = new AbortController()
      const inbox = createInbox()
      const signal = AbortSignal.any([ending, left.signal, inbox.failed])
      const watch = watchdog(options.maxIdleMs, (error) => left.abort(error))
      let gone = false
      const send = (text: string) =>
        socket.send(text).catch((error: unknown) => {
          // The connection is closing, which is no error here.
          gone = true
          throw error
        })
      const isFull = running.size >= maxStreams
      const work = (async () => {
        try {
          if (ended) throw new RequestError(503, 'the server is closing', null, 'closing')
          if (isFull) throw new RequestError(429, `${maxStreams} videos are being captioned: try again later`, null, 'busy')
          await captionSocket(options, send, inbox, signal, watch.touch)
          if (inbox.closing) socket.close(1001, 'the server is closing')
          else socket.close(1000, 'done')
        } catch (thrown) {
          if (gone) return
          const error = toRequestError(thrown)
          if (error.status === 500) onError?.(thrown)
          // Not awaited: a client that reads nothing would hold the connection open.
          send(JSON.stringify({ type: 'error', ...errorBody(error) })).catch(() => {})
          // A close reason has at most 123 bytes.
          socket.close(closeCodes[error.status] ?? 1008, error.message.replaceAll(/[^ -~]/g, '?').slice(0, 120))
        } finally {
          watch.stop()
        }
      })()
      if (!isFull) {
        running.set(work, { close: inbox.close })
        void work.finally(() => running.delete(work))
      }
      return {
        message: inbox.message,
        closed() {
          gone = true
          left.abort()
        },
      }
    },
    async end() {
      ended = true
      for (const each of running.values()) each.close()
      while (running.size > 0) await Promise.all(running.keys())
    },
  }
}

/** WebSocket close codes (RFC 6455, section 7.4) for HTTP statuses; 1008 for what the client did wrong. */
const closeCodes: Partial<Record<RequestError['status'], number>> = { 429: 1013, 500: 1011, 503: 1001 }

/** Captions one client's frames until it ends. */
async function captionSocket(
  { vlm, modelId, maxPixels, capacityTokens, onFrame }: CaptionsOptions,
  sendText: CaptionSocket['send'],
  inbox: Inbox,
  signal: AbortSignal,
  touch: () => void,
): Promise<void> {
  const send = async (message: object) => {
    await unlessAborted(sendText(JSON.stringify(message)), signal)
    touch()
  }
  const settings = await unlessAborted(inbox.settings(), signal)
  let droppedTotal = 0
  let droppedBefore = 0
  let frames = 0

  async function* decoded(): AsyncGenerator<VideoFrame, void> {
    for (let next = await inbox.next(); next; next = await inbox.next()) {
      const { frame, dropped } = next
      droppedBefore += dropped
      droppedTotal += dropped
      try {
        const image = await decodeImage(frame.bytes, { maxPixels, name: 'the frame' })
        yield { image, timeMs: frame.timeMs }
      } catch (thrown) {
        if (!ImageError.isInstance(thrown)) throw thrown
        // The client may have sent half a picture: the next one may be whole.
        await send({ type: 'error', ...errorBody(new RequestError(400, thrown.message, 'image', 'invalid_image')) })
      }
    }
  }

  const { temperature, ...given } = settings
  const { sampling, ...defaults } = captionDefaults(vlm)
  const { framesPerSecond = defaults.framesPerSecond ?? 2 } = given
  const run = captionVideo(vlm, decoded(), {
    ...given,
    capacityTokens: Math.min(capacityTokens, defaults.capacityTokens ?? capacityTokens),
    ...(temperature !== undefined && {
      sampler: createSampler({ ...sampling, temperature, ...(given.seed !== undefined && { seed: given.seed }) }),
    }),
    signal,
  })
  await send({ type: 'ready', model: modelId, fps: framesPerSecond })
  for await (const event of run) {
    if (event.type === 'token') await send({ type: 'token', frame: event.frame, text: event.text })
    if (event.type !== 'frame') continue
    const { index, startMs, text, tokens, end, timeToFirstTokenMs, elapsedMs } = event.frame
    frames++
    onFrame(droppedBefore)
    await send({
      type: 'frame',
      frame: index,
      time_ms: startMs,
      text,
      tokens,
      end,
      time_to_first_token_ms: timeToFirstTokenMs,
      elapsed_ms: elapsedMs,
      dropped: droppedBefore,
      dropped_total: droppedTotal,
    })
    droppedBefore = 0
  }
  await send({ type: 'done', frames, dropped_total: droppedTotal })
}

/** @returns a timer that ends a connection on which nothing happens, unless it is touched */
function watchdog(maxIdleMs: number, bark: (error: RequestError) => void): { touch(): void; stop(): void } {
  const error = new RequestError(408, `no frame was captioned for ${maxIdleMs} ms`, null, 'idle')
  const timer = setTimeout(() => bark(error), maxIdleMs)
  return { touch: () => void timer.refresh(), stop: () => clearTimeout(timer) }
}
