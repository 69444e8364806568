/**
 * The header of a safetensors file: 8 bytes little-endian length, then JSON, then the tensors' bytes without a gap.
 * Source: the format section of the safetensors README and its reference implementation. Every rule is checked; where the reference
 * ignores an unknown field of a tensor, we refuse it: a field that we do not understand might change what the bytes mean.
 */
import type { ByteSource } from '../bytes/source.ts'
import { refuse } from '../refuse.ts'
import { byteLength, isDtype, type Dtype } from './dtypes.ts'
import { JsonCursor, JsonFault } from './json-cursor.ts'

/** The reference implementation's limit. */
export const headerLimitBytes = 100_000_000

/** Ten times as many tensors as the largest models have in all their shards. */
const tensorLimit = 1_000_000

/** More dimensions than any framework supports. */
const rankLimit = 64

export interface TensorEntry {
  dtype: Dtype
  shape: number[]
  /** Bytes [begin, end) of the file. */
  begin: number
  end: number
}

export interface SafetensorsHeader {
  /** In the order of their bytes. */
  tensors: Map<string, TensorEntry>
  metadata: Record<string, string>
}

/**
 * Reads and checks the header of a safetensors file.
 * @returns every tensor with its position in the file, and the metadata
 * @throws WeightError naming file, tensor and rule.
 */
export async function readHeader(source: ByteSource, signal?: AbortSignal): Promise<SafetensorsHeader> {
  const file = source.name
  if (source.size < 8)
    refuse(file, 'file-length', `a safetensors file starts with 8 bytes of length, this one has ${source.size} bytes`)
  const prefix = await source.read(0, 8, signal)
  await refuseOtherFormats(source, prefix, signal)
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true)
  if (length > BigInt(headerLimitBytes)) {
    refuse(file, 'header-size', `the header claims ${length} bytes, more than ${headerLimitBytes}: not a safetensors file?`)
  }
  const dataBegin = 8 + Number(length)
  if (dataBegin > source.size)
    refuse(file, 'header-size', `the header claims ${length} bytes, the file has ${source.size - 8} after its first 8`)
  const text = decodeUtf8(file, await source.read(8, dataBegin, signal))
  const header = parseHeader(file, text)
  checkLayout(file, header, source.size - dataBegin)
  for (const entry of header.tensors.values()) {
    entry.begin += dataBegin
    entry.end += dataBegin
  }
  return header
}

/** Files mistaken for weights often start with text, which would be read as an absurd header length. */
async function refuseOtherFormats(source: ByteSource, prefix: Uint8Array, signal?: AbortSignal): Promise<void> {
  const begin = String.fromCharCode(...prefix)
  if (begin.startsWith('version ') && source.size < 1024) {
    const text = String.fromCharCode(...(await source.read(0, source.size, signal)))
    if (!text.includes('git-lfs')) return
    const bytes = /^size (\d+)$/m.exec(text)?.[1]
    refuse(
      source.name,
      'lfs-pointer',
      `this is the pointer that git-lfs leaves in place of a file${bytes ? ` of ${bytes} bytes` : ''}, not the weights: run "git lfs pull" in its folder`,
    )
  }
  if (begin.startsWith('GGUF')) refuse(source.name, 'format', 'this is a GGUF file, not safetensors: give it the ending .gguf')
  if (/^\s*<[!?h]/i.test(begin)) refuse(source.name, 'format', 'this is a web page, not weights')
}

function decodeUtf8(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return refuse(file, 'utf-8', 'the header is not UTF-8')
  }
}

/** Offsets stay as written: relative to the end of the header. */
function parseHeader(file: string, text: string): SafetensorsHeader {
  if (!text.startsWith('{')) refuse(file, 'json', `the header must start with '{', found ${JSON.stringify(text.slice(0, 8))}`)
  const header: SafetensorsHeader = { tensors: new Map(), metadata: {} }
  const cursor = new JsonCursor(text)
  let tensor: string | undefined
  try {
    cursor.object('the header', (name) => {
      if (name === '__metadata__') {
        header.metadata = cursor.skipNull() ? {} : parseMetadata(cursor)
      } else {
        tensor = name
        if (header.tensors.size === tensorLimit) refuse(file, 'tensor-count', `the header names more than ${tensorLimit} tensors`)
        header.tensors.set(name, parseEntry(file, name, cursor))
        tensor = undefined
      }
    })
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error
    return refuse(file, error.rule, error.message, tensor)
  }
  if (!cursor.isAtEnd()) refuse(file, 'json', 'only white space may follow the header object')
  return header
}

function parseMetadata(cursor: JsonCursor): Record<string, string> {
  const entries: [string, string][] = []
  cursor.object('__metadata__', (key) => entries.push([key, cursor.string(`"${key}" of __metadata__`)]))
  return Object.fromEntries(entries)
}

function parseEntry(file: string, name: string, cursor: JsonCursor): TensorEntry {
  let dtype: string | undefined
  let shape: number[] | undefined
  let offsets: number[] | undefined
  cursor.object('its entry', (key) => {
    if (key === 'dtype') dtype = cursor.string('dtype')
    else if (key === 'shape') shape = cursor.integers('shape', rankLimit)
    else if (key === 'data_offsets') offsets = cursor.integers('data_offsets', 2)
    else refuse(file, 'fields', `unknown field ${JSON.stringify(key)}; known are dtype, shape, data_offsets`, name)
  })
  if (dtype === undefined) return refuse(file, 'fields', 'dtype is missing', name)
  if (shape === undefined) return refuse(file, 'fields', 'shape is missing', name)
  if (offsets === undefined) return refuse(file, 'fields', 'data_offsets is missing', name)
  if (!isDtype(dtype)) return refuse(file, 'dtype', `unknown dtype ${JSON.stringify(dtype)}`, name)
  if (offsets.length !== 2) return refuse(file, 'offsets', `data_offsets must be [begin, end], found [${offsets}]`, name)
  const [begin, end] = offsets as [number, number]
  const length = byteLength(dtype, shape)
  if ('fault' in length) {
    const why = length.fault === 'overflow' ? 'has more bytes than can be counted' : 'does not end on a whole byte'
    return refuse(file, length.fault, `${dtype} [${shape}] ${why}`, name)
  }
  if (end - begin !== length.bytes) {
    return refuse(
      file,
      'offsets',
      `${dtype} [${shape}] takes ${length.bytes} bytes, data_offsets [${begin}, ${end}] hold ${end - begin}`,
      name,
    )
  }
  return { dtype, shape, begin, end }
}

/** Tensors follow one another from byte 0 to the file's end: no hole, no overlap, nothing left. Sorts them in that order. */
function checkLayout(file: string, header: SafetensorsHeader, dataBytes: number): void {
  const ordered = [...header.tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)
  let at = 0
  for (const [name, { begin, end }] of ordered) {
    if (begin > at) refuse(file, 'holes', `its bytes start at ${begin}, but the tensor before it ends at ${at}: a hole`, name)
    if (begin < at) refuse(file, 'overlap', `its bytes start at ${begin}, inside the tensor before it, which ends at ${at}`, name)
    if (end > dataBytes)
      refuse(file, 'file-length', `its bytes end at ${end}, but the file holds ${dataBytes} bytes of tensors: cut short?`, name)
    at = end
  }
  if (at !== dataBytes) refuse(file, 'file-length', `the tensors take ${at} bytes, the file holds ${dataBytes} after its header`)
  header.tensors = new Map(ordered)
}
