/** The bytes of a picture from an address or a Blob, never more of them than allowed. */
import { ImageError } from './errors.ts'

export interface ReadOptions {
  /** Refuse files of more bytes than this. */
  maxBytes: number
  /** What an error calls the file. */
  name: string
  signal?: AbortSignal | undefined
}

/** @throws ImageError when `bytes` is more than `maxBytes`. */
export function checkBytes(bytes: number, { maxBytes, name }: ReadOptions): void {
  if (bytes > maxBytes)
    throw new ImageError(
      `${name}: ${bytes} bytes are more than the ${maxBytes} allowed for a picture; raise maxBytes if it is one`,
    )
}

/**
 * Read a Blob, or what stands at a URL.
 * @throws ImageError when there is no answer, a refusal, or more than `maxBytes` bytes; the signal's reason when it aborts.
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
