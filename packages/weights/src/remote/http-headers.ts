/** What the headers of an answer say, or undefined where they say nothing that can be relied on. */

/** A weak ETag promises the same meaning, not the same bytes: no good here. */
export function validatorOf(headers: Headers): string | undefined {
  const etag = headers.get('etag')
  return etag?.startsWith('"') ? etag : (headers.get('last-modified') ?? undefined)
}

export function parseContentRange(text: string | null): { begin: number; end: number; total: number } | undefined {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(text ?? '')
  if (!match) return undefined
  const [begin, last, total] = match.slice(1).map(Number) as [number, number, number]
  return begin <= last && last < total && Number.isSafeInteger(total) ? { begin, end: last + 1, total } : undefined
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
