/**
 * The tensors of an adapter and of its base as one checkpoint, by their names in the whole model. A base tensor is hashed before it is
 * read for the first time, so another base is refused before any of its values are used; and one matrix when the two are opened, so that
 * it is refused as another base even where its shapes differ.
 */
import { WeightError } from '@casa-js/base'
import type { BlockType } from '@casa-js/base/internal'
import { hasBlocks, type BlockSource, type QuantizedMatrix, type QuantizedSource } from '../quantize/quantized-source.ts'
import { refuse } from '../refuse.ts'
import type { StoredDtype, TensorSource } from '../safetensors/reader.ts'
import { hashTensor } from './hash.ts'
import { baseAddress, type AdapterBase } from './mark.ts'

type Place = { source: TensorSource; name: string; sha256?: string }

/** The names of the two folders, for messages: files may lie in a cache, under names that say nothing. */
export interface AdapterNames {
  adapter: string
  base: string
}

/**
 * The two as one source, which owns both: `close` closes them.
 *
 * @throws WeightError when the base lacks a tensor that the adapter was made beside, or a matrix is another
 */
export async function joinAdapter(
  own: TensorSource,
  base: TensorSource,
  mark: AdapterBase,
  names: AdapterNames,
  signal?: AbortSignal,
): Promise<QuantizedSource> {
  const places = new Map<string, Place>()
  const listing = new Map<string, { shape: number[]; dtype: StoredDtype }>()
  const baseEntries = base.entries()
  for (const [name, { from = name, sha256 }] of Object.entries(mark.tensors)) {
    const entry = baseEntries.get(from)
    if (!entry) throw otherBase(names, mark, `it has no tensor ${from}`, from)
    places.set(name, { source: base, name: from, sha256 })
    listing.set(name, entry)
  }
  for (const [name, entry] of own.entries()) {
    if (places.has(name))
      refuse(own.name, 'duplicate-key', 'this tensor is in the adapter and also listed as one of the base', name)
    places.set(name, { source: own, name })
    listing.set(name, entry)
  }
  const joined = new Joined(own, base, mark, places, listing, names)
  await joined.checkOne(signal)
  return joined
}

function otherBase({ adapter, base }: AdapterNames, mark: AdapterBase, why: string, tensor: string): WeightError {
  return new WeightError(
    `${base} is not the model that the adapter ${adapter} was made for (${baseAddress(mark)}): ${why}. ` +
      'Give that model as the base, in the form in which it was trained beside',
    { file: base, tensor, rule: 'base' },
  )
}

/** What a product reads as it lies in one of the two is read so from both: a base computes the same alone and beside its adapter. */
class Joined implements QuantizedSource, BlockSource {
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
  private readonly checked = new Map<string, Promise<void>>()

  constructor(
    private readonly own: TensorSource,
    private readonly base: TensorSource,
    private readonly mark: AdapterBase,
    private readonly places: ReadonlyMap<string, Place>,
    private readonly listing: Map<string, { shape: number[]; dtype: StoredDtype }>,
    private readonly names: AdapterNames,
  ) {
    this.name = `${names.adapter} on ${names.base}`
    this.metadata = own.metadata
  }

  entries(): Map<string, { shape: number[]; dtype: StoredDtype }> {
    return this.listing
  }

  async read(name: string, signal?: AbortSignal): Promise<Float32Array> {
    const at = await this.place(name, signal)
    return at.source.read(at.name, signal)
  }

  async readInt32(name: string, signal?: AbortSignal): Promise<Int32Array> {
    const at = await this.place(name, signal)
    return at.source.readInt32(at.name, signal)
  }

  async readCompressed(name: string, signal?: AbortSignal): Promise<Int32Array> {
    const at = await this.place(name, signal)
    return at.source.readCompressed(at.name, signal)
  }

  async readQuantized(name: string, signal?: AbortSignal, options?: { measure?: boolean }): Promise<QuantizedMatrix> {
    const at = await this.place(name, signal)
    if (!('readQuantized' in at.source)) return refuse(at.source.name, 'quantized', 'this tensor is not quantised', at.name)
    return (at.source as QuantizedSource).readQuantized(at.name, signal, options)
  }

  blockTypeOf(name: string): BlockType | undefined {
    const at = this.places.get(name)
    return at && hasBlocks(at.source) ? at.source.blockTypeOf(at.name) : undefined
  }

  async readBlocks(name: string, signal?: AbortSignal): Promise<Uint8Array> {
    const at = await this.place(name, signal)
    if (!hasBlocks(at.source))
      return refuse(at.source.name, 'quantized', 'this tensor is not in blocks that are multiplied', at.name)
    return at.source.readBlocks(at.name, signal)
  }

  async readBytes(name: string, range?: { begin: number; end: number }, signal?: AbortSignal): Promise<Uint8Array> {
    const at = await this.place(name, signal)
    return at.source.readBytes(at.name, range, signal)
  }

  async close(): Promise<void> {
    await this.own.close()
    await this.base.close()
  }

  /** Hashes the smallest matrix of the base: vectors are often the same in all models, such as the ones of a fresh norm. */
  async checkOne(signal?: AbortSignal): Promise<void> {
    const size = (name: string) => this.listing.get(name)!.shape.reduce((product, axis) => product * axis, 1)
    const ofBase = [...this.places].filter(([, { sha256 }]) => sha256 !== undefined).map(([name]) => name)
    const matrices = ofBase.filter((name) => this.listing.get(name)!.shape.length > 1)
    const [smallest] = (matrices.length > 0 ? matrices : ofBase).sort((a, b) => size(a) - size(b))
    await this.place(smallest!, signal)
  }

  /** @throws WeightError when the base's tensor is not the one that the adapter was made beside */
  private async place(name: string, signal?: AbortSignal): Promise<Place> {
    const at = this.places.get(name) ?? refuse(this.name, 'missing', 'there is no such tensor', name)
    if (at.sha256 === undefined) return at
    let check = this.checked.get(name)
    if (!check) {
      check = this.check(at, at.sha256, signal)
      this.checked.set(name, check)
      // An aborted or failed read says nothing about the tensor.
      check.catch(() => this.checked.delete(name))
    }
    await check
    return at
  }

  private async check({ source, name }: Place, sha256: string, signal?: AbortSignal): Promise<void> {
    if ((await hashTensor(source, name, signal)) !== sha256)
      throw otherBase(this.names, this.mark, `${name} has other values, or is held in another dtype`, name)
  }
}
