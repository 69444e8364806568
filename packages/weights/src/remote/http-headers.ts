/** Parses response headers; undefined where they are missing or unreliable. */

/** A weak ETag promises the same meaning, not the same bytes, so it is not used. */
export function validatorOf(headers: Headers): string | undefined {
  const etag = headers.get('etag')
  return etag?.startsWith('"') ? etag : (headers.get('last-modified') ?? undefined)
}

/** Bytes [begin, end) of `total`; without it where the server does not know how long the file is (`*`). */
export function parseContentRange(text: string | null): { begin: number; end: number; total?: number } | undefined {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(text ?? '')
  if (!match) return undefined
  const [begin, last] = match.slice(1, 3).map(Number) as [number, number]
  if (begin > last || !Number.isSafeInteger(last)) return undefined
  if (match[3] === '*') return { begin, end: last + 1 }
  const total = Number(match[3])
  return last < total && Number.isSafeInteger(total) ? { begin, end: last + 1, total } : undefined
}

/**
 * Whether the response is a web page instead of a file: hosts of single-page applications answer every unknown address
 * with their index.html.
 */
export function isPage(url: string, headers: Headers): boolean {
  return (
    /^\s*(text\/html|application\/xhtml)/i.test(headers.get('content-type') ?? '') && !/\.x?html?$/i.test(new URL(url).pathname)
  )
}

export function parseLength(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined
}

export function retryAfterMs(text: string | null): number {
  if (text === null) return 0
  const seconds = Number(text)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(text) - Date.now()
  return ms > 0 ? ms : 0
}
