/** Writes tar shards in WebDataset's layout, with the list and the offsets that let them be read by ranges. */
import { readdir, readFile, rm } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { ArgumentError, FileError } from '@casa-js/base'
import { fileSink, fileSource, type ByteSink } from '@casa-js/weights'
import { claimFolder } from '@casa-js/weights/node'
import { readJsonlRows, type JsonlSource } from '../jsonl-rows.node.ts'
import { formatOffsets, formatShardList, offsetsFile, SHARD_LIST, type ListedShard } from './shard-list.ts'
import { findSamples } from './tar-index.ts'
import { packSample, tarEnd, type TarSample } from './tar.ts'

export interface WriteShardsOptions {
  /** Folder of the shards, new or empty. */
  out: string
  /** A shard is closed before it would exceed this many bytes; a larger sample has a shard of its own. Default 256 MB. */
  maxBytes?: number | undefined
  /** Most samples of a shard. Default 10,000. */
  maxExamples?: number | undefined
  /** Write into a folder that holds something: its shards and files with the same names are replaced, others are kept. Default false. */
  force?: boolean | undefined
  /** Called after each shard. */
  onShard?(shard: ListedShard): void
}

/**
 * Writes samples to shard-000000.tar, shard-000001.tar, .. in the order that they come. Only one sample is in memory. The list,
 * shards.json, is written last: without it a folder is not whole.
 *
 * @returns the shards, as shards.json lists them
 * @throws FileError when the folder holds something else; ArgumentError when there is no sample
 */
export async function writeShards(samples: AsyncIterable<TarSample>, options: WriteShardsOptions): Promise<ListedShard[]> {
  const { out, maxBytes = 256e6, maxExamples = 10_000, force = false, onShard } = options
  const claim = await claimFolder(out, { kind: 'shards', force, reuse: false, writes: [SHARD_LIST, 'shard-000000.tar'] })
  const written: ListedShard[] = []
  let open: { file: string; sink: ByteSink; offsets: number[]; bytes: number } | undefined

  /** With `force`, shards of before must not stand among the new ones. */
  async function begin(): Promise<void> {
    await claim.mark()
    const old = claim.holds.filter((name) => name === SHARD_LIST || /^shard-\d{6}\.tar(\.json)?$/.test(name))
    for (const name of old) await rm(join(out, name), { force: true })
  }

  async function finish(): Promise<void> {
    if (!open) return
    const { file, sink, offsets, bytes } = open
    await sink.write(tarEnd)
    await sink.commit()
    await writeText(join(out, offsetsFile(file)), formatOffsets(offsets, bytes))
    const shard = { file, bytes: bytes + tarEnd.byteLength, examples: offsets.length }
    written.push(shard)
    open = undefined
    onShard?.(shard)
  }

  try {
    for await (const sample of samples) {
      const bytes = await packSample(sample)
      if (open && (open.bytes + bytes.byteLength + tarEnd.byteLength > maxBytes || open.offsets.length >= maxExamples))
        await finish()
      if (!open) {
        if (written.length === 0) await begin()
        const file = `shard-${String(written.length).padStart(6, '0')}.tar`
        open = { file, sink: await fileSink(join(out, file)), offsets: [], bytes: 0 }
      }
      await open.sink.write(bytes)
      open.offsets.push(open.bytes)
      open.bytes += bytes.byteLength
    }
    await finish()
  } catch (error) {
    await open?.sink.abort()
    throw error
  }
  if (written.length === 0) throw new ArgumentError(`${out}: there is no sample to write`)
  await writeText(join(out, SHARD_LIST), formatShardList(written))
  return written
}

/**
 * The rows of a JSONL file with their pictures, as samples for `writeShards`. Pictures are copied as they are, not decoded.
 *
 * @throws FileError when the file cannot be read or holds no good row
 */
export async function* jsonlSamples(source: JsonlSource): AsyncGenerator<TarSample, void, undefined> {
  const { rows, locate } = await readJsonlRows(source)
  for (const [index, { row, line }] of rows.entries()) {
    const files = new Map<string, Uint8Array>([['json', new Uint8Array()]])
    const messages = []
    for (const { role, content } of row.messages) {
      const parts = []
      for (const part of content) {
        if (part.type === 'text') parts.push(part)
        else {
          const name = `${files.size - 1}${extname(part.image).toLowerCase() || '.img'}`
          files.set(name, await readFile(await locate(part.image)))
          parts.push({ type: 'image', image: name })
        }
      }
      messages.push({ role, content: parts })
    }
    const id = row.id ?? `${basename(source.file)}:${line}`
    files.set('json', new TextEncoder().encode(JSON.stringify({ id, ...(row.task && { task: row.task }), messages })))
    yield { key: String(index).padStart(9, '0'), files }
  }
}

/**
 * Lists the tar files of a folder in shards.json, with the offsets of their samples, so that shards made elsewhere can be read by ranges.
 * The tar files are not changed.
 *
 * @returns the shards, as shards.json lists them
 * @throws FileError when there is no tar file, or one is corrupt: with its name and the byte
 */
export async function indexShards(folder: string): Promise<ListedShard[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.tar')).sort()
  if (names.length === 0) throw new FileError(folder, 'there is no .tar file in it')
  const shards: ListedShard[] = []
  for (const file of names) {
    const source = await fileSource(join(folder, file))
    try {
      const { offsets, end } = await findSamples(source)
      await writeText(join(folder, offsetsFile(file)), formatOffsets(offsets, end))
      shards.push({ file, bytes: source.size, examples: offsets.length })
    } finally {
      await source.close()
    }
  }
  await writeText(join(folder, SHARD_LIST), formatShardList(shards))
  return shards
}

async function writeText(path: string, text: string): Promise<void> {
  const sink = await fileSink(path)
  await sink.write(new TextEncoder().encode(text))
  await sink.commit()
}
