/** An adapter's folder and its base's, read as one model. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryFolder } from '../bytes/folder.ts'
import { openModelFolder } from '../folder/model-folder.ts'
import { openWeights } from '../folder/open-weights.ts'
import { writeModelFolder } from '../folder/write-model-folder.ts'
import { quantizedMetadata, type BlockSource } from '../quantize/quantized-source.ts'
import { tensorsInMemory } from '../safetensors/writer.ts'
import type { TensorToWrite } from '../safetensors/encode.ts'
import { hashTensor } from './hash.ts'
import { adapterMark, type AdapterBase } from './mark.ts'

type Tensors = Record<string, TensorToWrite>

const floats = (...values: number[]): TensorToWrite => ({
  dtype: 'F32',
  shape: [values.length],
  data: Float32Array.from(values),
})

async function folderOf(name: string, tensors: Tensors, more: object = {}, metadata: Record<string, string> = {}) {
  const folder = memoryFolder(name)
  await writeModelFolder(folder, { config: { of: name }, ...more, weights: tensorsInMemory(tensors) }, { metadata })
  return folder
}

async function markOf(base: ReturnType<typeof memoryFolder>, names: Record<string, string>): Promise<AdapterBase> {
  const weights = await openWeights(base)
  const tensors: AdapterBase['tensors'] = {}
  for (const [name, from] of Object.entries(names))
    tensors[name] = { ...(from !== name && { from }), sha256: await hashTensor(weights, from) }
  return { name: 'a base', tensors }
}

const base = () => folderOf('base', { a: floats(1, 2), old: floats(3), unused: floats(9) }, { tokenizerJson: { of: 'base' } })

describe('an adapter', () => {
  it('is read with its base as one model: its own files and tensors first, the rest from there', async () => {
    const whole = await base()
    const adapter = await folderOf('eyes', { c: floats(4) }, { adapter: await markOf(whole, { a: 'a', b: 'old' }) })
    const opened = await openModelFolder(adapter, { base: whole })
    expect(opened.config).toEqual({ of: 'eyes' })
    expect(opened.tokenizerJson).toEqual({ of: 'base' })
    expect(opened.adapter!.borrowed).toContain('tokenizer.json')
    expect([...opened.weights.entries().keys()].sort()).toEqual(['a', 'b', 'c'])
    expect([...(await opened.weights.read('b'))]).toEqual([3])
    expect([...(await opened.weights.read('c'))]).toEqual([4])
    await opened.weights.close()
  })

  it("hands over the base's matrices as blocks where the base does, checked like all others", async () => {
    const [whole, stored] = [await base(), await openWeights(await base())]
    const inBlocks: BlockSource = Object.assign(stored, {
      blockTypeOf: (name: string) => (name === 'a' ? ('Q4_1' as const) : undefined),
      readBlocks: (name: string) => stored.readBytes(name),
    })
    const ofBlocks = Object.assign(whole, { openWeights: () => Promise.resolve(inBlocks) })
    const mark = await markOf(ofBlocks, { a: 'a', b: 'old' })
    const open = async (tensors: AdapterBase['tensors']) => {
      const adapter = await folderOf('eyes', { c: floats(4) }, { adapter: { ...mark, tensors } })
      return (await openModelFolder(adapter, { base: ofBlocks })).weights as BlockSource
    }
    const joined = await open(mark.tensors)
    expect(['a', 'b', 'c', 'd'].map((name) => joined.blockTypeOf(name))).toEqual(['Q4_1', undefined, undefined, undefined])
    expect(await joined.readBlocks('a')).toEqual(await stored.readBytes('a'))
    await expect(joined.readBlocks('c')).rejects.toThrow(/"c": this tensor is not in blocks/)
    const wrong = await open({ ...mark.tensors, a: { sha256: mark.tensors.b!.sha256 } })
    await expect(wrong.readBlocks('a')).rejects.toThrow(/a has other values/)
  })

  it('refuses another base: with other values, another dtype, or a tensor less', async () => {
    const whole = await base()
    const adapter = await folderOf('eyes', { c: floats(4) }, { adapter: await markOf(whole, { a: 'a' }) })
    const others: [Tensors, RegExp][] = [
      [{ a: floats(1, 2.5) }, /other.* is not the model that the adapter .*eyes.* \(a base\): a has other values/],
      [{ a: { ...floats(1, 2), dtype: 'BF16' } }, /a has other values, or is held in another dtype/],
      [{ b: floats(1, 2) }, /it has no tensor a/],
    ]
    for (const [tensors, message] of others) {
      const other = await folderOf('other', tensors)
      const reading = openModelFolder(adapter, { base: other })
      await expect(reading).rejects.toMatchObject({ name: 'WeightError', rule: 'base' })
      await expect(reading).rejects.toThrow(message)
    }
  })

  it('refuses another base when it is opened by one matrix, though vectors are the same and shapes differ', async () => {
    const matrix = (...values: number[]) => ({
      dtype: 'F32' as const,
      shape: [1, values.length],
      data: Float32Array.from(values),
    })
    const whole = await folderOf('base', { norm: floats(1), w: matrix(1, 2) })
    const adapter = await folderOf('eyes', { c: floats(4) }, { adapter: await markOf(whole, { norm: 'norm', w: 'w' }) })
    const other = await folderOf('other', { norm: floats(1), w: matrix(1, 2, 3) })
    await expect(openModelFolder(adapter, { base: other })).rejects.toThrow(
      'other is not the model that the adapter eyes was made for (a base): w has other values',
    )
  })

  it('is opened with the base that it names, by the function that is given for it', async () => {
    const whole = await base()
    const mark = { ...(await markOf(whole, { a: 'a' })), name: 'hub:someone/base', revision: 'c0ffee' }
    const adapter = await folderOf('eyes', { c: floats(4) }, { adapter: mark })
    const asked: string[] = []
    const openBase = async (address: string) => (asked.push(address), whole)
    const { weights } = await openModelFolder(adapter, { openBase })
    expect(asked).toEqual(['hub:someone/base@c0ffee'])
    expect([...(await weights.read('a'))]).toEqual([1, 2])
    await openModelFolder(whole, { openBase })
    await openModelFolder(adapter, { base: whole, openBase })
    expect(asked).toHaveLength(1)
  })

  it('says that it needs its base, and a whole model that it needs none', async () => {
    const whole = await base()
    const adapter = await folderOf('eyes', { c: floats(4) }, { adapter: await markOf(whole, { a: 'a' }) })
    await expect(openModelFolder(adapter)).rejects.toThrow(
      'eyes: this folder is an adapter for a base: give the folder of that model',
    )
    await expect(openModelFolder(whole, { base: adapter })).rejects.toThrow('base: this is a whole model, not an adapter')
  })

  it('reads quantised tensors of its base as they are', async () => {
    const form = { bits: 8, group: 32 } as const
    const tensors: Tensors = {
      'w.qweight': { dtype: 'I32', shape: [2, 8], data: Int32Array.from({ length: 16 }, (_, i) => i) },
      'w.scales': { dtype: 'F16', shape: [2, 1], data: Float32Array.of(0.5, 0.25) },
    }
    const whole = await folderOf('base', tensors, {}, Object.fromEntries([quantizedMetadata('w', form, [2, 32])]))
    const adapter = await folderOf('eyes', { c: floats(4) }, { adapter: await markOf(whole, { w: 'w' }) })
    const joined = (await openModelFolder(adapter, { base: whole })).weights
    expect(joined.entries().get('w')).toEqual({ dtype: 'Q8', shape: [2, 32] })
    expect([...(await joined.read('w'))]).toEqual([...(await (await openWeights(whole)).read('w'))])
  })

  it.each([
    ['{', /adapter\.json: not JSON/],
    ['{"base": {"name": "x", "tensors": {}}}', /expected at least one tensor/],
    ['{"base": {"name": "x", "tensors": {"a": {"sha256": "12"}}}}', /sha256: expected 64 hex digits/],
    ['{"base": {"tensors": {"a": {"sha256": "' + '0'.repeat(64) + '"}}}}', /name/],
  ])('with a mark %s is refused by the field', async (text, message) => {
    const adapter = await folderOf('eyes', { c: floats(4) })
    adapter.files.set(adapterMark, new TextEncoder().encode(text))
    adapter.files.delete('casa-folder.json')
    await expect(openModelFolder(adapter, { base: await base() })).rejects.toThrow(message)
  })

  it('and base together hold what the whole model held, however it is split', async () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z.]{1,12}$/), { minLength: 2, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(names, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), async (all, sides) => {
        const values = (name: string) => floats(...[...name].map((letter) => letter.charCodeAt(0)))
        const isBase = (i: number) => i === 0 || (i > 1 && sides[i]!)
        const pick = (of: boolean) =>
          Object.fromEntries(all.filter((_, i) => isBase(i) === of).map((name) => [name, values(name)]))
        const whole = await folderOf('base', pick(true))
        const mark = await markOf(whole, Object.fromEntries(Object.keys(pick(true)).map((name) => [name, name])))
        const adapter = await folderOf('eyes', pick(false), { adapter: mark })
        const { weights } = await openModelFolder(adapter, { base: whole })
        expect([...weights.entries().keys()].sort()).toEqual([...all].sort())
        for (const name of all) expect([...(await weights.read(name))]).toEqual([...(values(name).data as Float32Array)])
      }),
      { numRuns: 30 },
    )
  })
})
