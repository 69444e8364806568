/**
 * One checked HTTP response. What a server says about a body (status, Content-Range, Content-Length, validator) is compared with
 * the request and with the bytes received; any difference is an error here, so that callers can rely on byte counts.
 * Source: RFC 9110, sections 13 (conditional requests) and 14 (ranges).
 */
import { refuse } from '../refuse.ts'
import { isPage, parseContentRange, parseLength, retryAfterMs, validatorOf } from './http-headers.ts'
import { fetchKeepingHeaders } from './redirects.ts'
import { PassingError, type RetryOptions } from './retry.ts'
import { Watchdog } from './watchdog.ts'

export interface HttpOptions extends RetryOptions {
  /** Sent with every request, e.g. Authorization. They are not sent along when a redirect leads to another host. */
  headers?: Record<string, string> | undefined
  /** A connection slower than one kilobyte per second for this long is aborted and retried. Default 30,000. */
  stallMs?: number | undefined
  /** Treats 403 as "no such file", as storage without list permission answers. Default false. */
  forbiddenIsMissing?: boolean | undefined
  fetch?: typeof fetch | undefined
}

export interface HttpAnswer {
  /** First byte of the body within the file: what was asked for, or 0 when the server sends the whole file instead. */
  begin: number
  /** Whether the server served a range. */
  isPart: boolean
  /** Bytes of the whole file; undefined when the server does not say. */
  totalBytes?: number | undefined
  /** A strong ETag, or else the date of the last change: equal validators mean equal bytes. */
  validator?: string | undefined
  /** The body. Throws PassingError when it is cut, stalls, or is longer than announced. */
  chunks: AsyncIterable<Uint8Array>
  /** Closes the connection; needed when `chunks` is not read to its end. */
  cancel(): void
}

/** The file ends before the range that was asked for. */
export class NoSuchRange extends PassingError {}

export interface Range {
  begin: number
  /** Exclusive; undefined for up to the end. */
  end?: number
  /** Validator for If-Range: if the file has changed, the server sends all of it. */
  ifValidator?: string
}

/** Temporary failures: time-outs, too many requests, server errors. */
const passing = new Set([408, 425, 429, 500, 502, 503, 504])

/**
 * undefined: there is no such file, or the server answers with a web page instead.
 * @throws PassingError for failures worth a retry, WeightError for all others.
 */
export async function httpGet(url: string, range: Range | undefined, options: HttpOptions): Promise<HttpAnswer | undefined> {
  const name = withoutQuery(url)
  const watchdog = new Watchdog(name, options.stallMs ?? 30_000, options.signal)
  try {
    // A browser's own cache would store every file a second time and split ranges in its own way.
    const request = fetchKeepingHeaders(url, {
      headers: requestHeaders(url, range),
      privateHeaders: options.headers,
      init: { signal: watchdog.signal, cache: 'no-store' },
      fetch: options.fetch ?? fetch,
    })
    const response = await watchdog.guard(request)
    const answer = isPage(url, response.headers) && response.ok ? undefined : judge(name, response, range, watchdog, options)
    if (!answer) watchdog.stop()
    return answer
  } catch (error) {
    watchdog.stop()
    throw error
  }
}

/**
 * A browser asks a server of another origin for permission before it sends If-Range, and storage servers do not give it. Nothing is
 * lost without it: the validator of the response is compared anyway.
 */
function mayNameVersion(url: string): boolean {
  return typeof location === 'undefined' || new URL(url).origin === location.origin
}

function requestHeaders(url: string, range: Range | undefined): Record<string, string> {
  return {
    // A compressed body has other lengths and offsets than the file. Browsers choose this header themselves.
    'Accept-Encoding': 'identity',
    ...(range && { Range: `bytes=${range.begin}-${range.end === undefined ? '' : range.end - 1}` }),
    ...(range?.ifValidator && mayNameVersion(url) && { 'If-Range': range.ifValidator }),
  }
}

function judge(
  name: string,
  response: Response,
  range: Range | undefined,
  watchdog: Watchdog,
  options: HttpOptions,
): HttpAnswer | undefined {
  const { status, headers } = response
  if (status === 404 || status === 410 || (status === 403 && options.forbiddenIsMissing)) return undefined
  if (status === 401 || status === 403) {
    refuse(name, 'access', `the server answered ${status}: a token is missing, wrong, or without the right to this file`)
  }
  if (passing.has(status))
    throw new PassingError(name, `the server answered ${status}`, { retryAfterMs: retryAfterMs(headers.get('retry-after')) })
  const encoded = (headers.get('content-encoding') ?? 'identity') !== 'identity'
  const answer = { validator: encoded ? undefined : validatorOf(headers), cancel: () => watchdog.stop() }
  const contentLength = encoded ? undefined : parseLength(headers.get('content-length'))
  if (status === 200) {
    return {
      ...answer,
      begin: 0,
      isPart: false,
      totalBytes: contentLength,
      chunks: exactly(name, response, contentLength, contentLength, watchdog),
    }
  }
  if (status === 416) {
    // An empty file has no range at all.
    const total = /^bytes \*\/(\d+)$/.exec(headers.get('content-range') ?? '')
    if (range?.begin === 0 && total?.[1] === '0')
      return { ...answer, begin: 0, isPart: true, totalBytes: 0, chunks: exactly(name, new Response(null), 0, 0, watchdog) }
    throw new NoSuchRange(name, `the server has no bytes from ${range?.begin} on: the file has changed`)
  }
  if (status !== 206 || !range) return refuse(name, 'http', `the server answered ${status} ${response.statusText}`.trimEnd())
  if (encoded) return refuse(name, 'http', `the server sent a compressed part of the file; it must serve ranges as they are`)
  const part = parseContentRange(headers.get('content-range'))
  if (!part || part.begin !== range.begin || (contentLength ?? part.end - part.begin) !== part.end - part.begin) {
    const asked = `${range.begin}-${range.end === undefined ? '' : range.end - 1}`
    throw new PassingError(
      name,
      `asked for bytes ${asked}, the server claims to send ${JSON.stringify(headers.get('content-range'))} in ${headers.get('content-length')} bytes`,
      { isAnswer: true },
    )
  }
  // Some servers send more than requested, e.g. the whole rest of the file. It contains the requested range.
  const wanted = Math.min(part.end, range.end ?? part.end) - part.begin
  return {
    ...answer,
    begin: part.begin,
    isPart: true,
    totalBytes: part.total,
    chunks: exactly(name, response, part.end - part.begin, wanted, watchdog),
  }
}

/** The body, which must have `expected` bytes; after the first `wanted` ones the connection is closed. */
async function* exactly(
  name: string,
  response: Response,
  expected: number | undefined,
  wanted: number | undefined,
  watchdog: Watchdog,
): AsyncGenerator<Uint8Array> {
  let received = 0
  const reader = response.body?.getReader()
  try {
    while (reader) {
      const { done, value } = await watchdog.guard(reader.read())
      if (done) break
      watchdog.received(value.byteLength)
      received += value.byteLength
      if (expected !== undefined && received > expected)
        throw new PassingError(name, `more came than the ${expected} bytes announced`)
      const surplus = wanted === undefined ? 0 : Math.max(0, received - wanted)
      if (surplus < value.byteLength) yield surplus === 0 ? value : value.subarray(0, value.byteLength - surplus)
      if (wanted !== expected && received >= wanted!) return
    }
    if (expected !== undefined && received < expected) throw new PassingError(name, `cut after ${received} of ${expected} bytes`)
  } finally {
    watchdog.stop()
  }
}

/** An address for messages, without the query: signed queries are long and secret. */
export function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '')
}
