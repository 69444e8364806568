import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memorySource, type ByteSource } from '../bytes/source.ts'
import { fileSource } from '../files/fs.node.ts'
import { Safetensors } from './reader.ts'
import { encodeSafetensors } from './writer.ts'

const fixture = (name: string) => new URL(`../../fixtures/${name}`, import.meta.url).pathname

/** A source that counts the bytes read from it. */
function counted(source: ByteSource): ByteSource & { readBytes: number; largest: number; closed: number } {
  const counter = { ...source, readBytes: 0, largest: 0, closed: 0 }
  counter.read = (begin, end, signal) => {
    counter.readBytes += end - begin
    counter.largest = Math.max(counter.largest, end - begin)
    return source.read(begin, end, signal)
  }
  counter.close = async () => {
    counter.closed++
  }
  return counter
}

const open = async (tensors: Parameters<typeof encodeSafetensors>[0]) =>
  Safetensors.open(memorySource('x.safetensors', await encodeSafetensors(tensors)))

describe('reading tensors', () => {
  it('reads what PyTorch wrote', async () => {
    const file = await Safetensors.open(await fileSource(fixture('llama-helium1.golden.safetensors')))
    expect(file.entries().get('greedy_ids')).toEqual({ shape: [1, 25], dtype: 'I64' })
    const ids = await file.readInt32('greedy_ids')
    expect([...(await file.read('greedy_ids'))]).toEqual([...ids])
    const logits = [...file.entries()].find(([name]) => name.includes('logits'))!
    expect((await file.read(logits[0])).length).toBe(logits[1].shape.reduce((a, b) => a * b))
    await file.close()
  })

  it('converts every numeric dtype to float32', async () => {
    const file = await open({
      f64: { dtype: 'F64', shape: [2], data: Float64Array.of(1.5, 1e-50) },
      i64: { dtype: 'I64', shape: [2], data: Int32Array.of(-3, 7) },
      i32: { dtype: 'I32', shape: [2], data: Int32Array.of(-3, 2 ** 24) },
      u32: { dtype: 'U32', shape: [1], data: Uint32Array.of(2 ** 31) },
      i16: { dtype: 'I16', shape: [2], data: Int16Array.of(-300, 300) },
      i8: { dtype: 'I8', shape: [3], data: Int8Array.of(-1, 0, 1) },
      u8: { dtype: 'U8', shape: [2], data: Uint8Array.of(0, 255) },
      bool: { dtype: 'BOOL', shape: [2], data: Uint8Array.of(0, 1) },
      f16: { dtype: 'F16', shape: [3], data: Float32Array.of(0.5, -2, 65504) },
      bf16: { dtype: 'BF16', shape: [2], data: Float32Array.of(0.5, -2) },
    })
    const values = async (name: string) => [...(await file.read(name))]
    expect(await values('f64')).toEqual([1.5, 0])
    expect(await values('i64')).toEqual([-3, 7])
    expect(await values('i32')).toEqual([-3, 2 ** 24])
    expect(await values('u32')).toEqual([2 ** 31])
    expect(await values('i16')).toEqual([-300, 300])
    expect(await values('i8')).toEqual([-1, 0, 1])
    expect(await values('u8')).toEqual([0, 255])
    expect(await values('bool')).toEqual([0, 1])
    expect(await values('f16')).toEqual([0.5, -2, 65504])
    expect(await values('bf16')).toEqual([0.5, -2])
    await expect(file.readInt32('u32')).rejects.toMatchObject({ rule: 'overflow', tensor: 'u32' })
    await expect(file.readInt32('f16')).rejects.toMatchObject({ rule: 'dtype', tensor: 'f16' })
    await expect(file.read('nowhere')).rejects.toMatchObject({ rule: 'missing', tensor: 'nowhere' })
  })

  it('keeps 16-bit floats compressed, an odd count padded with zero', async () => {
    const file = await open({ w: { dtype: 'BF16', shape: [3], data: Float32Array.of(1, -2, 3) } })
    expect([...(await file.readCompressed('w'))]).toEqual([(0xc000 << 16) | 0x3f80, 0x4040])
    const f32 = await open({ w: { dtype: 'F32', shape: [1], data: Float32Array.of(1) } })
    await expect(f32.readCompressed('w')).rejects.toMatchObject({ rule: 'dtype' })
  })

  it('reads no tensor that was not asked for, and a large one in pieces', async () => {
    const large = Float32Array.from({ length: 5_000_001 }, (_, i) => (i % 251) - 100)
    const bytes = await encodeSafetensors({
      large: { dtype: 'BF16', shape: [large.length], data: large },
      other: { dtype: 'F32', shape: [1000], data: new Float32Array(1000) },
    })
    const source = counted(memorySource('x.safetensors', bytes))
    const file = await Safetensors.open(source)
    expect(source.readBytes).toBeLessThan(400)
    expect(Buffer.from((await file.read('large')).buffer).equals(Buffer.from(large.buffer))).toBe(true)
    expect(source.largest).toBe(8 << 20)
    expect(source.readBytes).toBeLessThan(bytes.length - 3900)
    const words = await file.readCompressed('large')
    expect(words.length).toBe(2_500_001)
    const row = await file.readBytes('large', { begin: 6, end: 8 })
    expect([...row]).toEqual([...new Uint8Array(words.buffer, 6, 2)])
    await expect(file.readBytes('large', { begin: 0, end: 10_000_004 })).rejects.toMatchObject({ rule: 'range' })
  })

  it('closes the file when its header is refused', async () => {
    const source = counted(memorySource('bad.safetensors', new Uint8Array(20).fill(255)))
    await expect(Safetensors.open(source)).rejects.toMatchObject({ rule: 'header-size' })
    expect(source.closed).toBe(1)
  })

  it('stops when told to', async () => {
    const file = await open({ w: { dtype: 'F32', shape: [1], data: Float32Array.of(1) } })
    await expect(file.read('w', AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
  })
})

describe('writing and reading back', () => {
  const dtypes = ['F32', 'F16', 'BF16'] as const
  const tensor = fc
    .record({ dtype: fc.constantFrom(...dtypes), shape: fc.array(fc.nat(5), { maxLength: 4 }) })
    .chain(({ dtype, shape }) => {
      const length = shape.reduce((a, b) => a * b, 1)
      // Multiples of 1/8 up to 15 are exact in all three dtypes.
      const values = fc.array(fc.integer({ min: -120, max: 120 }), { minLength: length, maxLength: length })
      return values.map((list) => ({ dtype, shape, data: Float32Array.from(list, (x) => x / 8) }))
    })
  const name = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => text !== '__metadata__')
  const metadata = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }))

  it('gives the same names, shapes, dtypes, values and metadata', async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, tensor, { maxKeys: 6 }), metadata, async (tensors, metadata) => {
        const bytes = await encodeSafetensors(tensors, metadata)
        const file = await Safetensors.open(memorySource('x.safetensors', bytes))
        expect(file.metadata).toEqual(metadata)
        expect(new Set(file.entries().keys())).toEqual(new Set(Object.keys(tensors)))
        for (const [key, { dtype, shape, data }] of Object.entries(tensors)) {
          expect(file.entries().get(key)).toEqual({ dtype, shape })
          expect(await file.read(key)).toEqual(data)
        }
      }),
      { numRuns: 200 },
    )
  })
})
