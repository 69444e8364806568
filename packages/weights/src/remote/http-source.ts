/**
 * A file on a server, read by ranges as tensors are asked for. All ranges must come from one and the same file: every answer must
 * carry the validator and the size of the first. A hash cannot be checked this way; `download` does.
 */
import { checkRange, memorySource, type ByteSource } from '../bytes/source.ts'
import { refuse } from '../refuse.ts'
import { httpGet, withoutQuery, type HttpAnswer, type HttpOptions } from './http.ts'
import { PassingError, withRetries } from './retry.ts'

/** Bytes of the first request: small files and most headers fit, so that they cost one request. */
const openingBytes = 64 << 10

/** A file that cannot be read by ranges is downloaded whole up to this size; larger ones need a cache. */
const wholeLimitBytes = 256 << 20

export interface HttpSourceOptions extends HttpOptions {
  /** Largest accepted file in bytes. Default: no limit. */
  limitBytes?: number | undefined
}

/** undefined when there is no such file. The file is refused when it changes while it is open. */
export async function openHttp(url: string, options: HttpSourceOptions = {}): Promise<ByteSource | undefined> {
  return withRetries(async () => {
    const answer = await httpGet(url, { begin: 0, end: openingBytes }, options).catch((error: unknown) => {
      if (error instanceof PassingError && error.isAnswer) return 'nonsense' as const
      throw error
    })
    if (!answer) return undefined
    if (answer === 'nonsense') return takeWhole(url, options)
    const { totalBytes, validator } = answer
    if ((totalBytes ?? 0) > (options.limitBytes ?? Infinity)) {
      answer.cancel()
      return refuse(
        withoutQuery(url),
        'too-large',
        `${totalBytes} bytes are too many for this file; at most ${options.limitBytes} are read`,
      )
    }
    // Without a validator two responses might come from two versions of the file; a single response cannot.
    const canRange = answer.isPart && validator !== undefined && totalBytes !== undefined
    const isWhole = totalBytes !== undefined && totalBytes <= openingBytes
    if (canRange || isWhole) {
      const opening = await collect(withoutQuery(url), answer, Math.min(totalBytes, openingBytes))
      return isWhole ? memorySource(withoutQuery(url), opening) : rangedSource(url, opening, totalBytes, validator!, options)
    }
    answer.cancel()
    return takeWhole(url, options)
  }, options)
}

function rangedSource(url: string, opening: Uint8Array, size: number, validator: string, options: HttpOptions): ByteSource {
  const source: ByteSource = {
    name: withoutQuery(url),
    size,
    async read(begin, end, signal) {
      checkRange(source, begin, end)
      const bytes = new Uint8Array(end - begin)
      let at = 0
      const take = (piece: Uint8Array) => {
        bytes.set(piece, at)
        at += piece.byteLength
      }
      if (begin < opening.byteLength) take(opening.subarray(begin, Math.min(end, opening.byteLength)))
      const request = { ...options, signal: anySignal(options.signal, signal) }
      let attemptBegan = at
      await withRetries(
        async () => {
          attemptBegan = at
          if (at === bytes.length) return
          const answer = await httpGet(url, { begin: begin + at, end, ifValidator: validator }, request)
          if (!answer || answer.validator !== validator || answer.totalBytes !== size) {
            answer?.cancel()
            return refuse(source.name, 'changed', 'the file changed at the server while it was read; open it again')
          }
          if (answer.begin !== begin + at) {
            answer.cancel()
            return refuse(source.name, 'http', 'the server does not serve ranges; read it through a cache')
          }
          for await (const chunk of answer.chunks) take(chunk)
          if (at < bytes.length) throw new PassingError(source.name, `only ${at} of ${bytes.length} bytes came`)
        },
        request,
        () => at - attemptBegan,
      )
      return bytes
    },
    async close() {},
  }
  return source
}

async function takeWhole(url: string, options: HttpSourceOptions): Promise<ByteSource | undefined> {
  const answer = await httpGet(url, undefined, options)
  if (!answer) return undefined
  const limitBytes = Math.min(wholeLimitBytes, options.limitBytes ?? Infinity)
  const tooLarge = (bytes: number) =>
    refuse(
      withoutQuery(url),
      'too-large',
      `the server cannot serve parts of this file reliably, and its ${bytes} bytes or more are too many to hold; read it through a cache`,
    )
  if ((answer.totalBytes ?? 0) > limitBytes) {
    answer.cancel()
    return tooLarge(answer.totalBytes!)
  }
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of answer.chunks) {
    chunks.push(chunk)
    size += chunk.byteLength
    if (size > limitBytes) return tooLarge(size)
  }
  return memorySource(withoutQuery(url), new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer()))
}

/** The first `wanted` bytes of an answer. */
async function collect(name: string, answer: HttpAnswer, wanted: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(wanted)
  let at = 0
  for await (const chunk of answer.chunks) {
    const piece = chunk.subarray(0, wanted - at)
    bytes.set(piece, at)
    at += piece.byteLength
    if (at === wanted) break
  }
  if (at < wanted) throw new PassingError(name, `only ${at} of ${wanted} bytes came`)
  return bytes
}

function anySignal(...signals: (AbortSignal | undefined)[]): AbortSignal | undefined {
  const given = signals.filter((signal) => signal !== undefined)
  return given.length > 1 ? AbortSignal.any(given) : given[0]
}
