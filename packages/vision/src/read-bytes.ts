/** Reads the bytes of an image from a URL or a Blob, up to a limit. */
import { ImageError } from './errors.ts'

export interface ReadOptions {
  /** Reject files of more bytes than this. */
  maxBytes: number
  /** Name of the file in error messages. */
  name: string
  signal?: AbortSignal | undefined
}

/** @throws ImageError when `bytes` exceeds `maxBytes`. */
export function checkBytes(bytes: number, { maxBytes, name }: ReadOptions): void {
  if (bytes > maxBytes)
    throw new ImageError(
      `${name}: ${bytes} bytes are more than the ${maxBytes} allowed for a picture; raise maxBytes if it is one`,
    )
}

/**
 * Read a Blob or the content of a URL.
 * @throws ImageError when the server does not respond or returns an error, or there are more than `maxBytes` bytes; the signal's
 * reason on abort.
 */
export async function readBytes(source: string | URL | Blob, options: ReadOptions): Promise<Uint8Array> {
  options.signal?.throwIfAborted()
  if (source instanceof Blob) {
    checkBytes(source.size, options)
    return new Uint8Array(await source.arrayBuffer())
  }
  const { name, signal } = options
  const response = await fetch(source, { signal: signal ?? null }).catch((cause: unknown) => {
    signal?.throwIfAborted()
    throw new ImageError(`${name}: no answer; check the address and the connection`, { cause })
  })
  if (!response.ok) throw new ImageError(`${name}: the server answered ${response.status} ${response.statusText}`)
  checkBytes(Number(response.headers.get('content-length') ?? 0), options)
  return collect(response, options)
}

async function collect(response: Response, options: ReadOptions): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let total = 0
  const reader = response.body?.getReader()
  try {
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      total += part.value.length
      checkBytes(total, options)
      chunks.push(part.value)
    }
  } catch (cause) {
    await reader?.cancel().catch(() => undefined)
    options.signal?.throwIfAborted()
    if (cause instanceof ImageError) throw cause
    throw new ImageError(`${options.name}: the connection broke after ${total} bytes; try again`, { cause })
  }
  const bytes = new Uint8Array(total)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
