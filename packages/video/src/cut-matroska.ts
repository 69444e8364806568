/**
 * Truncated Matroska and WebM files. mediabunny reads only complete clusters (up to 5 seconds), so an incomplete last one would be lost:
 * here it is shortened to end after its last complete block.
 */

const ebmlId = 0x1a45dfa3
const segmentId = 0x18538067
const clusterId = 0x1f43b675
/** Elements at the level of clusters (RFC 9559), which end a cluster of unknown size. */
const besideClusters = [clusterId, 0x1c53bb6b, 0x1254c367, 0x1043a770, 0x1941a469, 0x1654ae6b, 0x114d9b74, 0x1549a966]

export interface MendedFile {
  blob: Blob
  /** Whether the file is shorter than it declares. */
  isCut: boolean
}

interface Element {
  id: number
  /** Offsets of its size field and of its data. */
  sizeAt: number
  dataAt: number
  /** Undefined if unknown, as in live recordings. */
  endAt: number | undefined
}

/** Repair the end of a Matroska file; other files are unchanged. */
export async function mendCutMatroska(blob: Blob): Promise<MendedFile> {
  const whole = { blob, isCut: false }
  const header = await readElement(blob, 0)
  if (header?.id !== ebmlId || header.endAt === undefined) return whole
  const segment = await readElement(blob, header.endAt)
  if (segment?.id !== segmentId || (segment.endAt ?? Infinity) <= blob.size) return whole
  let last: Element | undefined
  for (let at: number | undefined = segment.dataAt; at !== undefined && at < blob.size;) {
    const element = await readElement(blob, at)
    if (!element) break
    if (element.id === clusterId) last = element
    at = element.endAt ?? (await endOfBlocks(blob, element.dataAt))
  }
  const isCut = segment.endAt !== undefined
  if (!last || (last.endAt ?? Infinity) <= blob.size) return { blob, isCut }
  const endAt = await endOfBlocks(blob, last.dataAt)
  return {
    blob: new Blob([
      blob.slice(0, last.sizeAt),
      sizeField(endAt - last.dataAt, last.dataAt - last.sizeAt),
      blob.slice(last.dataAt, endAt),
    ]),
    isCut,
  }
}

/** Offset of the end of the last complete element in a cluster. */
async function endOfBlocks(blob: Blob, dataAt: number): Promise<number> {
  for (let at = dataAt; ;) {
    const element = await readElement(blob, at)
    const endAt = element?.endAt
    if (!element || endAt === undefined || endAt > blob.size || besideClusters.includes(element.id)) return at
    at = endAt
  }
}

async function readElement(blob: Blob, at: number): Promise<Element | undefined> {
  const bytes = new Uint8Array(await blob.slice(at, at + 12).arrayBuffer())
  const idLength = Math.clz32(bytes[0] ?? 0) - 23
  const sizeLength = Math.clz32(bytes[idLength] ?? 0) - 23
  if (idLength > 4 || sizeLength > 8 || bytes.length < idLength + sizeLength) return undefined
  const number = (from: number, to: number, mask: number) =>
    bytes.subarray(from, to).reduce((sum, byte, i) => sum * 256 + (i === 0 ? byte & mask : byte), 0)
  const mask = 0xff >> sizeLength
  const size = number(idLength, idLength + sizeLength, mask)
  // All ones: unknown size.
  const isUnknown = bytes
    .subarray(idLength, idLength + sizeLength)
    .every((byte, i) => (i === 0 ? byte & mask : byte) === (i === 0 ? mask : 0xff))
  const dataAt = at + idLength + sizeLength
  return {
    id: number(0, idLength, 0xff),
    sizeAt: at + idLength,
    dataAt,
    endAt: isUnknown ? undefined : dataAt + size,
  }
}

/** A size encoded in `length` bytes (RFC 8794, section 4). */
function sizeField(size: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  let rest = size
  for (let i = length - 1; i >= 0; i--) {
    bytes[i] = rest % 256
    rest = Math.floor(rest / 256)
  }
  bytes[0]! |= 0x80 >> (length - 1)
  return bytes
}
