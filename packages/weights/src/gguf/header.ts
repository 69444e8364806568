/**
 * The header of a GGUF file: counts, metadata, one entry for each tensor, then, aligned, the tensors' bytes.
 *
 * Not @huggingface/gguf: it takes addresses only, truncates texts that cross the end of its
 * 2 MB chunk, allows repeated keys, does not check tensor offsets, and throws plain errors.
 */
import type { ByteSource } from '../bytes/source.ts'
import { refuse } from '../refuse.ts'
import { GgufCursor, HeaderCut, type GgufValue } from './cursor.ts'
import { ggufType, type GgufType } from './types.ts'

export interface GgufTensor {
  type: GgufType
  /** Outermost axis first, as everywhere here; the file stores it in reverse. */
  shape: number[]
  /** Bytes [begin, end) of the file. */
  begin: number
  end: number
}

export interface GgufHeader {
  version: number
  metadata: Map<string, GgufValue>
  /** In the order of the file. */
  tensors: Map<string, GgufTensor>
}

const magic = 0x46554747

/** Bytes read at first; doubled until the header is complete. */
const openingBytes = 1 << 20

/** A vocabulary of a million tokens with its merges takes 50 MB. */
const headerLimitBytes = 256 << 20

const tensorLimit = 1_000_000
const keyLimit = 100_000
const rankLimit = 4

/** @throws WeightError naming file, tensor and rule. */
export async function readGgufHeader(source: ByteSource, signal?: AbortSignal): Promise<GgufHeader> {
  for (let length = openingBytes; ; length *= 2) {
    const bytes = await source.read(0, Math.min(length, source.size), signal)
    try {
      return parseHeader(source, bytes)
    } catch (error) {
      if (!(error instanceof HeaderCut)) throw error
      if (length >= source.size) return refuse(source.name, 'file-length', 'the file ends inside its header: cut short?')
      if (length >= headerLimitBytes)
        return refuse(source.name, 'header-size', `the header takes more than ${headerLimitBytes} bytes`)
    }
  }
}

function parseHeader(source: ByteSource, bytes: Uint8Array): GgufHeader {
  const file = source.name
  const cursor = new GgufCursor(file, bytes)
  if (cursor.uint32() !== magic) refuse(file, 'format', 'this is not a GGUF file: it does not begin with "GGUF"')
  const version = cursor.uint32()
  if (version !== 2 && version !== 3) {
    const isOther = version >= 1 << 16
    refuse(file, 'format', isOther ? 'this GGUF file is big-endian' : `GGUF version ${version} is not read; 2 and 3 are`)
  }
  const tensorCount = cursor.size('the number of tensors')
  const keyCount = cursor.size('the number of metadata entries')
  if (tensorCount > tensorLimit) refuse(file, 'tensor-count', `the header claims ${tensorCount} tensors`)
  if (keyCount > keyLimit) refuse(file, 'header-size', `the header claims ${keyCount} metadata entries`)
  const metadata = new Map<string, GgufValue>()
  for (let i = 0; i < keyCount; i++) {
    const key = cursor.text('a metadata key')
    if (metadata.has(key)) refuse(file, 'duplicate-key', `the metadata key ${JSON.stringify(key)} stands there twice`)
    metadata.set(key, cursor.value(`metadata ${JSON.stringify(key)}`, cursor.uint32()))
  }
  const tensors = new Map<string, GgufTensor>()
  for (let i = 0; i < tensorCount; i++) {
    const name = cursor.text('the name of a tensor')
    if (tensors.has(name)) refuse(file, 'duplicate-key', 'this name stands there twice', name)
    tensors.set(name, parseTensor(file, name, cursor))
  }
  place(source, tensors, cursor.at, alignmentOf(file, metadata))
  return { version, metadata, tensors }
}

/** Here `begin` and `end` are still relative to the first tensor's data. */
function parseTensor(file: string, name: string, cursor: GgufCursor): GgufTensor {
  const rank = cursor.uint32()
  if (rank > rankLimit) refuse(file, 'shape', `it has ${rank} axes; the format allows ${rankLimit}`, name)
  const shape = Array.from({ length: rank }, () => cursor.size('a size')).reverse()
  const id = cursor.uint32()
  const type = ggufType(id) ?? refuse(file, 'dtype', `the type ${id} is not known`, name)
  const begin = cursor.size('an offset')
  const values = shape.reduce((product, size) => product * size, 1)
  const inner = shape.at(-1) ?? 1
  if (inner % type.values !== 0)
    refuse(file, 'shape', `rows of ${inner} values are no whole blocks of ${type.values} as ${type.name} needs`, name)
  const end = begin + (values / type.values) * type.bytes
  if (!Number.isSafeInteger(values) || !Number.isSafeInteger(end))
    refuse(file, 'overflow', `${type.name} [${shape}] has more bytes than can be counted`, name)
  return { type, shape, begin, end }
}

function alignmentOf(file: string, metadata: Map<string, GgufValue>): number {
  const alignment = metadata.get('general.alignment') ?? 32
  const isPower = typeof alignment === 'number' && alignment > 0 && alignment <= 1 << 20 && (alignment & (alignment - 1)) === 0
  return isPower ? alignment : refuse(file, 'metadata', `general.alignment is ${String(alignment)}, expected a power of two`)
}

/** Makes offsets absolute, and checks that tensors are aligned, inside the file, and do not overlap. */
function place(source: ByteSource, tensors: Map<string, GgufTensor>, headerBytes: number, alignment: number): void {
  const dataBegin = Math.ceil(headerBytes / alignment) * alignment
  let at = 0
  for (const [name, tensor] of [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (tensor.begin % alignment !== 0)
      refuse(source.name, 'alignment', `its bytes start at ${tensor.begin}, no multiple of ${alignment}`, name)
    if (tensor.begin < at) refuse(source.name, 'overlap', `its bytes start at ${tensor.begin}, inside the tensor before it`, name)
    at = tensor.end
    tensor.begin += dataBegin
    tensor.end += dataBegin
    if (tensor.end > source.size)
      refuse(source.name, 'file-length', `its bytes end at ${tensor.end}, the file has ${source.size}: cut short?`, name)
  }
}
