/**
 * Quantised tensors in safetensors files. NAME is stored as NAME.qweight (I32) and NAME.scales (F16), and the file's metadata says
 * under "quantized:NAME" what they are: {"bits":4,"group":64,"shape":[O,D]}. This source presents them as one tensor again, of
 * dtype Q8 or Q4 and shape [O,D].
 */
import { checkRange } from '../bytes/source.ts'
import { refuse } from '../refuse.ts'
import type { StoredDtype, TensorSource } from '../safetensors/reader.ts'
import { dequantizeRows, groupsPerRow, wordsPerRow, type BlockType, type QuantizedForm } from '@casa-js/base/internal'

const metadataKey = 'quantized:'

/** A quantised matrix in the tensor package's format: scales are f16, two per 32-bit word, low half first. */
export interface QuantizedMatrix extends QuantizedForm {
  values: Int32Array
  scales: Int32Array
  /** O */
  outputs: number
  /** D */
  inputs: number
  /** The rounding error, if the source holds another format and `measure` was set. */
  roundedFrom?: { from: string; relativeError: number }
}

export interface QuantizedSource extends TensorSource {
  /** @param options `measure`: the result includes the rounding error, if there was rounding; this takes as long as the rounding itself. */
  readQuantized(name: string, signal?: AbortSignal, options?: { measure?: boolean }): Promise<QuantizedMatrix>
}

/** A source of matrices in blocks that products read as they lie. */
export interface BlockSource extends TensorSource {
  /** undefined for tensors in any other format. */
  blockTypeOf(name: string): BlockType | undefined
  /** The blocks of such a tensor, row by row. @throws WeightError if a scale is not finite. */
  readBlocks(name: string, signal?: AbortSignal): Promise<Uint8Array>
}

export const hasBlocks = (source: object): source is BlockSource => 'blockTypeOf' in source

export function partsOf(name: string): { values: string; scales: string } {
  return { values: `${name}.qweight`, scales: `${name}.scales` }
}

/** The metadata entry of one quantised tensor. */
export function quantizedMetadata(name: string, { bits, group }: QuantizedForm, shape: readonly number[]): [string, string] {
  return [metadataKey + name, JSON.stringify({ bits, group, shape })]
}

/**
 * A checkpoint whose quantised tensors, stored in two parts each, appear as one of dtype Q8 or Q4.
 * @returns the source itself when nothing in it is quantised
 * @throws WeightError when parts do not fit their description.
 */
export function withQuantized(source: TensorSource): TensorSource | QuantizedSource {
  const names = Object.keys(source.metadata)
    .filter((key) => key.startsWith(metadataKey))
    .map((key) => key.slice(metadataKey.length))
  return names.length === 0 ? source : new Quantized(source, names)
}

interface Described extends QuantizedForm {
  shape: [outputs: number, inputs: number]
}

class Quantized implements QuantizedSource {
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
  private readonly source: TensorSource
  private readonly described = new Map<string, Described>()
  private readonly listing: Map<string, { shape: number[]; dtype: StoredDtype }>

  constructor(source: TensorSource, names: string[]) {
    this.name = source.name
    this.metadata = Object.fromEntries(Object.entries(source.metadata).filter(([key]) => !key.startsWith(metadataKey)))
    this.source = source
    this.listing = new Map(source.entries())
    for (const name of names) {
      const form = describe(source, name)
      this.described.set(name, form)
      for (const part of Object.values(partsOf(name))) this.listing.delete(part)
      this.listing.set(name, { shape: form.shape, dtype: form.bits === 8 ? 'Q8' : 'Q4' })
    }
  }

  entries(): Map<string, { shape: number[]; dtype: StoredDtype }> {
    return this.listing
  }

  async read(name: string, signal?: AbortSignal): Promise<Float32Array> {
    const form = this.described.get(name)
    if (!form) return this.source.read(name, signal)
    const { values, scales } = await this.readQuantized(name, signal)
    const [outputs, inputs] = form.shape
    return dequantizeRows(
      { values, scales: new Uint16Array(scales.buffer, 0, outputs * groupsPerRow(inputs, form)) },
      inputs,
      form,
    )
  }

  async readQuantized(name: string, signal?: AbortSignal): Promise<QuantizedMatrix> {
    const form = this.described.get(name) ?? refuse(this.name, 'quantized', 'this tensor is not quantised', name)
    const parts = partsOf(name)
    const [outputs, inputs] = form.shape
    const values = await this.source.readInt32(parts.values, signal)
    const scales = await this.source.readCompressed(parts.scales, signal)
    return { values, scales, outputs, inputs, bits: form.bits, group: form.group }
  }

  readInt32(name: string, signal?: AbortSignal): Promise<Int32Array> {
    return this.source.readInt32(name, signal)
  }

  readCompressed(name: string, signal?: AbortSignal): Promise<Int32Array> {
    return this.source.readCompressed(name, signal)
  }

  /** Of a quantised tensor: its words, then its scales. */
  async readBytes(name: string, range?: { begin: number; end: number }, signal?: AbortSignal): Promise<Uint8Array> {
    if (!this.described.has(name)) return this.source.readBytes(name, range, signal)
    const parts = partsOf(name)
    const words = await this.source.readBytes(parts.values, undefined, signal)
    const scales = await this.source.readBytes(parts.scales, undefined, signal)
    const bytes = new Uint8Array(words.length + scales.length)
    bytes.set(words)
    bytes.set(scales, words.length)
    if (!range) return bytes
    checkRange({ name: `${this.name}: tensor ${name}`, size: bytes.length }, range.begin, range.end)
    return bytes.slice(range.begin, range.end)
  }

  close(): Promise<void> {
    return this.source.close()
  }
}

function describe(source: TensorSource, name: string): Described {
  const fault = (message: string) => refuse(source.name, 'quantized', message, name)
  const text = source.metadata[metadataKey + name]!
  const form =
    parseForm(text) ?? fault(`its description ${text.slice(0, 200)} is not {"bits":4|8,"group":multiple of 32,"shape":[O,D]}`)
  const [outputs, inputs] = form.shape
  const entries = source.entries()
  const wanted = {
    values: `I32 [${outputs},${wordsPerRow(inputs, form)}]`,
    scales: `F16 [${outputs},${groupsPerRow(inputs, form)}]`,
  }
  const parts = partsOf(name)
  for (const part of ['values', 'scales'] as const) {
    const entry = entries.get(parts[part])
    const found = entry ? `${entry.dtype} [${entry.shape}]` : 'nothing'
    if (found !== wanted[part]) fault(`${parts[part]} must be ${wanted[part]}, found ${found}`)
  }
  if (entries.has(name)) fault('it is there quantised and unquantised')
  return form
}

function parseForm(text: string): Described | undefined {
  let json: Partial<Described>
  try {
    json = Object(JSON.parse(text))
  } catch {
    return undefined
  }
  const { bits, group, shape } = json
  const isShape = Array.isArray(shape) && shape.length === 2 && shape.every((size) => Number.isSafeInteger(size) && size >= 0)
  const isGroup = Number.isSafeInteger(group) && group! > 0 && group! % 32 === 0
  return isShape && isGroup && (bits === 8 || bits === 4) ? { bits, group: group!, shape: [shape[0], shape[1]] } : undefined
}
