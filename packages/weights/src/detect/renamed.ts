/** A checkpoint under the names that a names file gives its tensors, cut where it says so. */
import { compileNameMap } from '../load/name-map.ts'
import { countValues, dtypeBits, isDtype } from '../safetensors/dtypes.ts'
import { refuse } from '../refuse.ts'
import type { StoredDtype, TensorSource } from '../safetensors/reader.ts'
import type { QuantizedSource } from '../quantize/quantized-source.ts'
import type { TensorNames } from './names-file.ts'

interface Place {
  /** In the checkpoint. */
  name: string
  /** Rows of it; all unless given. */
  rows?: { begin: number; end: number }
}

/**
 * The source under other names. `close` closes it.
 *
 * @throws WeightError when two tensors get one name, or a tensor has other rows than it is cut into
 */
export function renameTensors(source: TensorSource, { names, split }: TensorNames): TensorSource {
  const nameOf = compileNameMap(names)
  const rules = split.map(([pattern, parts]) => ({ pattern: new RegExp(pattern), parts }))
  const places = new Map<string, Place>()
  const listing = new Map<string, { shape: number[]; dtype: StoredDtype }>()
  const put = (name: string, place: Place, entry: { shape: number[]; dtype: StoredDtype }): void => {
    if (places.has(name))
      refuse(source.name, 'names', `the names file calls both it and ${places.get(name)!.name} ${name}`, place.name)
    places.set(name, place)
    listing.set(name, entry)
  }
  for (const [stored, entry] of source.entries()) {
    const rule = rules.find(({ pattern }) => pattern.test(stored))
    if (!rule) {
      const name = nameOf(stored)
      if (name !== undefined) put(name, { name: stored }, entry)
      continue
    }
    const wanted = rule.parts.reduce((sum, [, rows]) => sum + rows, 0)
    if (entry.shape[0] !== wanted)
      refuse(source.name, 'names', `it is cut into ${wanted} rows, and has the shape [${entry.shape.join(', ')}]`, stored)
    if (!isDtype(entry.dtype))
      refuse(source.name, 'names', 'a quantised tensor cannot be cut: convert it to floats first', stored)
    let begin = 0
    for (const [name, rows] of rule.parts) {
      const place = { name: stored, rows: { begin, end: begin + rows } }
      put(stored.replace(rule.pattern, name), place, { dtype: entry.dtype, shape: [rows, ...entry.shape.slice(1)] })
      begin += rows
    }
  }
  return new Renamed(source, places, listing)
}

class Renamed implements TensorSource {
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
  readonly readQuantized?: QuantizedSource['readQuantized']

  constructor(
    private readonly source: TensorSource,
    private readonly places: ReadonlyMap<string, Place>,
    private readonly listing: Map<string, { shape: number[]; dtype: StoredDtype }>,
  ) {
    this.name = source.name
    this.metadata = source.metadata
    if ('readQuantized' in source) {
      const quantized = source as QuantizedSource
      this.readQuantized = (name, signal, options) => quantized.readQuantized(this.place(name).name, signal, options)
    }
  }

  entries(): Map<string, { shape: number[]; dtype: StoredDtype }> {
    return this.listing
  }

  async read(name: string, signal?: AbortSignal): Promise<Float32Array> {
    const { name: stored, rows } = this.place(name)
    const values = await this.source.read(stored, signal)
    if (!rows) return values
    const columns = countValues(this.listing.get(name)!.shape.slice(1))
    return values.slice(rows.begin * columns, rows.end * columns)
  }

  async readInt32(name: string, signal?: AbortSignal): Promise<Int32Array> {
    const { name: stored, rows } = this.place(name)
    const values = await this.source.readInt32(stored, signal)
    if (!rows) return values
    const columns = countValues(this.listing.get(name)!.shape.slice(1))
    return values.slice(rows.begin * columns, rows.end * columns)
  }

  async readCompressed(name: string, signal?: AbortSignal): Promise<Int32Array> {
    const { name: stored, rows } = this.place(name)
    if (!rows) return this.source.readCompressed(stored, signal)
    const bytes = await this.readBytes(name, undefined, signal)
    const words = new Int32Array(Math.ceil(bytes.length / 4))
    new Uint8Array(words.buffer).set(bytes)
    return words
  }

  async readBytes(name: string, range?: { begin: number; end: number }, signal?: AbortSignal): Promise<Uint8Array> {
    const { name: stored, rows } = this.place(name)
    if (!rows) return this.source.readBytes(stored, range, signal)
    const { dtype, shape } = this.listing.get(name)!
    if (!isDtype(dtype)) return refuse(this.name, 'names', 'a quantised tensor cannot be cut', stored)
    const rowBytes = (countValues(shape.slice(1)) * dtypeBits[dtype]) / 8
    const base = rows.begin * rowBytes
    const { begin, end } = range ?? { begin: 0, end: (rows.end - rows.begin) * rowBytes }
    return this.source.readBytes(stored, { begin: base + begin, end: base + end }, signal)
  }

  close(): Promise<void> {
    return this.source.close()
  }

  private place(name: string): Place {
    return this.places.get(name) ?? refuse(this.name, 'missing', 'there is no such tensor', name)
  }
}
