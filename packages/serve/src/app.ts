/** The routes: OpenAI's chat completions and models, health, metrics. No port: it maps a Request to a Response. */
import { ConfigError } from '@casa-js/base'
import { unlessAborted } from '@casa-js/base/internal'
import { createSampler, type Vlm } from '@casa-js/vlm'
import { complete, createKeptConversations, type Completion } from '@casa-js/vlm/internal'
import { Hono, type Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { streamSSE } from 'hono/streaming'
import { timingSafeEqual } from 'hono/utils/buffer'
import { createCaptions, type CaptionConnection, type CaptionSocket } from './captions.ts'
import { errorBody, RequestError, toRequestError } from './errors.ts'
import { createMetrics } from './metrics.ts'
import { decodePictures, type FetchPicture } from './pictures.ts'
import { parseRequest, type ChatRequest } from './request.ts'
import { createTurns } from './turns.ts'

/** How a model is served; limits apply per request. */
export interface AppOptions {
  /** The model's name in requests. Default: "casa". */
  modelId?: string | undefined
  /** Token that clients send as `Authorization: Bearer ..`, except to /healthz. Default: none, access is open. */
  token?: string | undefined
  /** Allowed names in the Host header, against requests from pages of other sites (DNS rebinding). Default: all. */
  allowedHosts?: readonly string[] | undefined
  /** Fetches images from http(s) URLs; without it they are rejected. */
  fetchPicture?: FetchPicture | undefined
  /** Default: 20 MiB. */
  maxBodyBytes?: number | undefined
  /** Total pixels of a request's images. Default: 32 million. */
  maxPixels?: number | undefined
  /** Default: 16. */
  maxPictures?: number | undefined
  /** Default: 256. */
  maxMessages?: number | undefined
  /** Tokens of an answer, if the request does not say. Default: 512. */
  maxTokens?: number | undefined
  /** Tokens of a conversation. Default: 4,096; never more than the model supports. */
  capacityTokens?: number | undefined
  /** Longest time from a request to the end of its answer. Default: 10 minutes. */
  maxAnswerMs?: number | undefined
  /** Answers generated at once, interleaved. Default: 4. */
  maxRunning?: number | undefined
  /** Requests that wait; more are rejected with status 429. Default: 32. */
  maxWaiting?: number | undefined
  /** Conversations kept for their next message. Default: 8. */
  keptConversations?: number | undefined
  /** Videos that are captioned at once, by WebSocket. Default: 2. */
  maxStreams?: number | undefined
  /** A WebSocket on which no caption is made for this long is closed. Default: a minute. */
  maxIdleMs?: number | undefined
  /** Called with internal errors, of which the client gets no details. */
  onError?: ((error: unknown) => void) | undefined
}

/** Created by `createApp`. */
export interface App {
  /** Handles a request. */
  fetch(request: Request): Promise<Response>
  /**
   * Handles a WebSocket's opening request, on /v1/captions. Your server completes the handshake, with the subprotocol "casa-captions" if
   * the client offers it.
   * @returns what opens the connection, once there is a socket; a Response when it is refused
   */
  upgrade(request: Request): Promise<Response | ((socket: CaptionSocket) => CaptionConnection)>
  /**
   * Shut down: new requests are rejected with status 503, running answers and the current frames of videos have `graceMs` to finish, kept
   * conversations are freed. The model is not disposed.
   */
  close(graceMs?: number): Promise<void>
}

/**
 * Serves a model through OpenAI's API, as a function from Request to Response, for your own server.
 * @param vlm owned by the caller, who disposes it after `close`
 * @returns the app; the caller closes it
 * @throws ConfigError when the token is empty or contains spaces, so that no client could send it
 */
export function createApp(vlm: Vlm, options: AppOptions = {}): App {
  const { modelId = 'casa', token, allowedHosts, onError, maxAnswerMs = 600_000 } = options
  if (token !== undefined && !/^\S+$/.test(token))
    throw new ConfigError('token', 'expected at least one character, and no spaces')
  const turns = createTurns(options.maxRunning ?? 4, options.maxWaiting ?? 32)
  const kept = createKeptConversations(options.keptConversations ?? 8)
  const limits = { maxMessages: options.maxMessages ?? 256, maxPictures: options.maxPictures ?? 16 }
  const pictures = { maxPixels: options.maxPixels ?? 32_000_000, fetchPicture: options.fetchPicture }
  const { capacityTokens = 4096, maxTokens = 512 } = options
  const created = Math.floor(Date.now() / 1000)
  /** Aborted when the grace period is over. */
  const ending = new AbortController()
  const answers = new Set<Promise<void>>()
  let closing = false
  const captions = createCaptions({
    vlm,
    modelId,
    maxStreams: options.maxStreams ?? 2,
    maxPixels: pictures.maxPixels,
    maxIdleMs: options.maxIdleMs ?? 60_000,
    capacityTokens,
    ending: ending.signal,
    onFrame: (dropped) => metrics.captioned(dropped),
    onError,
  })
  const metrics = createMetrics(turns, kept, captions)

  const app = new Hono<{ Bindings: Upgrade }>()
  app.onError((thrown, c) => {
    const error = toRequestError(thrown)
    // The client has disconnected: it reads no response, and this is not an error.
    if (error.status === 500 && !c.req.raw.signal.aborted) onError?.(thrown)
    if (error.status === 429) c.header('Retry-After', String(turns.retryAfterSeconds()))
    if (error.status === 401) c.header('WWW-Authenticate', 'Bearer')
    return c.json(errorBody(error), error.status)
  })
  app.notFound((c) => c.json(errorBody(new RequestError(404, `there is no ${c.req.method} ${c.req.path}`)), 404))
  app.use(async (c, next) => {
    if (allowedHosts && !allowedHosts.includes(new URL(c.req.url).hostname))
      throw new RequestError(403, `the Host header names none of ${allowedHosts.join(', ')}`)
    const given = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? tokenOfProtocols(c) ?? ''
    if (token !== undefined && c.req.path !== '/healthz' && !(await timingSafeEqual(token, given)))
      throw new RequestError(401, 'expected the header "Authorization: Bearer .." with the token', null, 'invalid_api_key')
    await next()
  })
  app.get('/healthz', (c) => {
    if (closing) return c.json({ status: 'closing' }, 503)
    try {
      vlm.model.checkAlive()
    } catch (error) {
      return c.json({ status: 'failed', message: (error as Error).message }, 503)
    }
    return c.json({ status: 'ok', model: modelId, running: turns.running, waiting: turns.waiting })
  })
  app.get('/metrics', async (c) => c.body(await metrics.text(), 200, { 'content-type': metrics.contentType }))
  const model = { id: modelId, object: 'model', created, owned_by: 'casa-js' }
  app.get('/v1/models', (c) => c.json({ object: 'list', data: [model] }))
  app.get('/v1/models/:id', (c) => {
    if (c.req.param('id') === modelId) return c.json(model)
    throw new RequestError(404, `the model "${c.req.param('id')}" is not served here`, 'model', 'model_not_found')
  })
  app.get('/v1/captions', (c) => {
    if (!c.env?.isUpgrade) {
      c.header('Upgrade', 'websocket')
      throw new RequestError(426, 'expected a WebSocket')
    }
    // Browsers let a page of any site open a WebSocket to this machine. Where a token is needed it has none.
    const origin = c.req.header('origin')
    if (token === undefined && origin !== undefined && !isLocalPage(origin))
      throw new RequestError(403, `pages of ${origin} may not use this server: give it a token`)
    if (closing) throw new RequestError(503, 'the server is closing', null, 'closing')
    c.env.accepted = true
    return c.body(null)
  })
  const maxSize = options.maxBodyBytes ?? 20 * 2 ** 20
  const tooLarge = () => {
    throw new RequestError(413, `the body has more than ${maxSize} bytes`, null, 'body_too_large')
  }
  app.post('/v1/chat/completions', bodyLimit({ maxSize, onError: tooLarge }), answer)

  async function answer(c: Context): Promise<Response> {
    const start = performance.now()
    const seconds = () => (performance.now() - start) / 1000
    const left = new AbortController()
    const signal = AbortSignal.any([c.req.raw.signal, left.signal, ending.signal])
    const late = new RequestError(503, `the answer took more than ${maxAnswerMs} ms`, null, 'timeout')
    const timer = setTimeout(() => left.abort(late), maxAnswerMs)
    const { promise: over, resolve: isOver } = withResolver()
    let giveBack: (() => void) | undefined
    const end = (status: number | 'gone') => {
      clearTimeout(timer)
      giveBack?.()
      metrics.answered(status, seconds())
      answers.delete(over)
      isOver()
    }
    const statusOf = (thrown: unknown) => (c.req.raw.signal.aborted ? 'gone' : toRequestError(thrown).status)
    try {
      const request = parseRequest(await jsonOf(c), modelId, limits)
      if (closing) throw new RequestError(503, 'the server is closing', null, 'closing')
      // From here on `close` waits for this request; it does not wait for a slow request body.
      answers.add(over)
      giveBack = await turns.take(signal)
      const texts = begin(request, signal)
      // The status is sent only after the first token, since errors in the messages are found by then.
      const first = await texts.next()
      metrics.firstToken(seconds())
      if (request.stream) return stream(c, request, { texts, first, left, signal, statusOf, end })
      let content = ''
      let step = first
      for (; !step.done; step = await texts.next()) content += step.value
      metrics.completed(step.value)
      end(200)
      const choice = { index: 0, message: { role: 'assistant', content, refusal: null }, logprobs: null }
      return c.json({
        ...head('chat.completion'),
        choices: [{ ...choice, finish_reason: finishReasonOf(step.value) }],
        usage: usageOf(step.value),
      })
    } catch (error) {
      end(statusOf(error))
      throw error
    }
  }

  function begin(request: ChatRequest, signal: AbortSignal): AsyncGenerator<string, Completion> {
    const { earlier, last, stop, temperature, topP, seed = Math.floor(Math.random() * 2 ** 32) } = request
    return complete(vlm, {
      kept,
      earlier,
      last,
      decode: (messages) => decodePictures(messages, pictures, signal),
      sampler: createSampler(temperature === 0 ? {} : { temperature, seed, ...(topP !== undefined && { topP }) }),
      stop,
      maxNewTokens: request.maxTokens ?? maxTokens,
      capacityTokens,
      signal,
    })
  }

  interface Streaming {
    texts: AsyncGenerator<string, Completion>
    first: IteratorResult<string, Completion>
    left: AbortController
    signal: AbortSignal
    statusOf(thrown: unknown): number | 'gone'
    end(status: number | 'gone'): void
  }

  function stream(c: Context, request: ChatRequest, { texts, first, left, signal, statusOf, end }: Streaming): Response {
    const same = head('chat.completion.chunk')
    return streamSSE(c, async (sse) => {
      let gone = false
      sse.onAbort(() => {
        gone = true
        left.abort()
      })
      // A client that stops reading must not occupy a slot for ever.
      const send = (data: unknown) =>
        unlessAborted(sse.writeSSE({ data: typeof data === 'string' ? data : JSON.stringify(data) }), signal)
      const chunk = (delta: object, finish: string | null = null) =>
        send({ ...same, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] })
      try {
        await chunk({ role: 'assistant', content: '' })
        let step = first
        for (; !step.done; step = await texts.next()) if (step.value !== '') await chunk({ content: step.value })
        metrics.completed(step.value)
        await chunk({}, finishReasonOf(step.value))
        if (request.streamUsage) await send({ ...same, choices: [], usage: usageOf(step.value) })
        await send('[DONE]')
        end(200)
      } catch (thrown) {
        await texts.return(undefined as never)
        end(gone ? 'gone' : statusOf(thrown))
        if (gone || c.req.raw.signal.aborted) return
        const error = toRequestError(thrown)
        if (error.status === 500) onError?.(thrown)
        await sse.writeSSE({ data: JSON.stringify(errorBody(error)) })
      }
    })
  }

  const head = (object: string) => ({
    id: `chatcmpl-${crypto.randomUUID()}`,
    object,
    created: Math.floor(Date.now() / 1000),
    model: modelId,
  })

  return {
    fetch: async (request) => app.fetch(request),
    async upgrade(request) {
      const env: Upgrade = { isUpgrade: true, accepted: false }
      const response = await app.fetch(request, env)
      return env.accepted ? captions.open : response
    },
    async close(graceMs = 10_000) {
      closing = true
      const timer = setTimeout(() => ending.abort(new RequestError(503, 'the server is closing', null, 'closing')), graceMs)
      await captions.end()
      while (answers.size > 0) await Promise.all(answers)
      clearTimeout(timer)
      kept.dispose()
    },
  }
}

/** How the opening request of a WebSocket passes through the routes. */
interface Upgrade {
  isUpgrade?: boolean
  /** Set by the route. */
  accepted?: boolean
}

/** Names of this machine, as they stand in URLs. */
export const loopback = ['127.0.0.1', 'localhost', '[::1]']

function isLocalPage(origin: string): boolean {
  try {
    return loopback.includes(new URL(origin).hostname)
  } catch {
    return false
  }
}

/** The token among a WebSocket's subprotocols, since a browser sends no headers of its own with one: "casa-token.<token>", URI-encoded. */
function tokenOfProtocols(c: Context): string | undefined {
  const found = /(?:^|[, ])casa-token\.([^, ]+)/.exec(c.req.header('sec-websocket-protocol') ?? '')?.[1]
  try {
    return found && decodeURIComponent(found)
  } catch {
    return undefined
  }
}

/** JSON only: a form sent by another site is not JSON, and any other cross-site request needs a CORS preflight. */
async function jsonOf(c: Context): Promise<unknown> {
  if (!/^application\/json\b/i.test(c.req.header('content-type') ?? ''))
    throw new RequestError(415, 'expected the header "Content-Type: application/json"')
  const text = await c.req.text()
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new RequestError(400, `the body is not JSON: ${(cause as Error).message}`, null, 'invalid_json', { cause })
  }
}

const finishReasonOf = ({ end }: Completion) => (end === 'stop' || end === 'stop text' ? 'stop' : 'length')

const usageOf = ({ promptTokens, completionTokens, cachedTokens }: Completion) => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
  prompt_tokens_details: { cached_tokens: cachedTokens },
})

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}
