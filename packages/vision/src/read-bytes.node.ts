/** Reads the bytes of an image in Node: also from paths, regular files only. */
import { constants, open } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { ImageError } from './errors.ts'
import { checkBytes, readBytes as readAddress, type ReadOptions } from './read-bytes.ts'

/**
 * Read a path, a URL or a Blob. A FIFO, a device, a socket or a folder is rejected without reading from it.
 * @throws ImageError when it is missing, is not a regular file, or has more than `maxBytes` bytes; the signal's reason on abort.
 */
export async function readBytes(source: string | URL | Blob, options: ReadOptions): Promise<Uint8Array> {
  if (source instanceof Blob) return readAddress(source, options)
  const address = String(source)
  if (/^(https?|data|blob):/i.test(address)) return readAddress(source, options)
  options.signal?.throwIfAborted()
  return readPath(/^file:/i.test(address) ? fileURLToPath(address) : address, options)
}

async function readPath(path: string, options: ReadOptions): Promise<Uint8Array> {
  const { name } = options
  // Without O_NONBLOCK, opening a FIFO waits for a writer.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw new ImageError(`${name}: there is no such file`, { cause })
    throw new ImageError(`${name}: the file cannot be opened (${cause.code ?? cause.message})`, { cause })
  })
  try {
    const status = await file.stat()
    if (status.isDirectory()) throw new ImageError(`${name}: this is a folder; give the path of a picture in it`)
    if (!status.isFile())
      throw new ImageError(`${name}: this is a pipe or a device, which may have no end; expected a regular file`)
    checkBytes(status.size, options)
    const bytes = new Uint8Array(status.size)
    let length = 0
    while (length < bytes.length) {
      options.signal?.throwIfAborted()
      const { bytesRead } = await file.read(bytes, length, Math.min(bytes.length - length, 1 << 24), length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    return bytes.subarray(0, length)
  } finally {
    await file.close()
  }
}
