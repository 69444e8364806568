/**
 * Samples in tar files, as WebDataset lays them out: the files of a sample stand one after another and share their name up to the
 * first dot of its last part, `000017.json`, `000017.0.png`. Source: WebDataset's documentation, "The WebDataset Format".
 * modern-tar packs and unpacks them; tar-index.ts says where each begins.
 */
import { packTar, unpackTar } from 'modern-tar'
import { CasaError, FileError } from '@casa-js/base'

/** The files of one sample, by what follows the dot in their names, e.g. "json", "0.png". */
export interface TarSample {
  /** Name without what follows the dot, e.g. "train/000017". */
  key: string
  files: Map<string, Uint8Array>
}

/** Ends a tar file: two empty blocks. */
export const tarEnd = new Uint8Array(1024)
/** The bytes of a sample in a tar file, without the end of the file. The same sample always gives the same bytes. */
export async function packSample({ key, files }: TarSample): Promise<Uint8Array> {
  if (/\./.test(key.split('/').at(-1)!))
    throw new CasaError(`sample ${key}: a dot in the key would end it; use another character`)
  const entries = [...files].map(([extension, body]) => ({
    header: { name: `${key}.${extension}`, size: body.byteLength, mtime: new Date(0), mode: 0o644, uid: 0, gid: 0 },
    body,
  }))
  return (await packTar(entries)).subarray(0, -tarEnd.byteLength)
}

/**
 * Unpacks the bytes of one sample.
 *
 * @param shard name of the shard in errors
 * @param begin its first byte in the shard
 * @throws FileError naming shard and byte when they are not the whole files of one sample
 */
export async function unpackSample(bytes: Uint8Array, shard: string, begin: number): Promise<TarSample> {
  const fault = (message: string, cause?: unknown) =>
    new FileError(shard, `at byte ${begin} ${message}`, ...(cause === undefined ? [] : [{ cause }]))
  const archive = new Uint8Array(bytes.byteLength + tarEnd.byteLength)
  archive.set(bytes)
  const entries = await unpackTar(archive, { strict: true }).catch((error: Error) => {
    throw fault(`the shard is corrupt (${error.message}); make or download it again`, error)
  })
  const files = new Map<string, Uint8Array>()
  let key: string | undefined
  for (const { header, data } of entries) {
    if (header.type !== undefined && header.type !== 'file') continue
    const [own, extension] = splitName(header.name)
    key ??= own
    if (own !== key) throw fault(`stand files of ${key} and of ${own}: the offsets are not this shard's, index it again`)
    if (data?.byteLength !== header.size)
      throw fault(`${header.name} is cut off: the shard is corrupt; make or download it again`)
    files.set(extension, data)
  }
  if (key === undefined) throw fault(`no file stands: the offsets are not this shard's, index it again`)
  return { key, files }
}

/** Key and extension of a file's name. */
export function splitName(name: string): [key: string, extension: string] {
  const dot = name.indexOf('.', name.lastIndexOf('/') + 1)
  return dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)]
}
