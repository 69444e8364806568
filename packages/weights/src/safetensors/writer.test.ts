import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memorySink } from '../bytes/sink.ts'
import { memorySource } from '../bytes/source.ts'
import { fileSink, fileSource } from '../files/fs.node.ts'
import { Safetensors } from './reader.ts'
import { encodeSafetensors, tensorsInMemory, writeSafetensors, type TensorPlan } from './writer.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-weights-'))
})
afterAll(() => rm(folder, { recursive: true }))

const fixture = (name: string) => new URL(`../../fixtures/${name}`, import.meta.url).pathname
const one = { w: { dtype: 'F32', shape: [1], data: Float32Array.of(1) } } as const
const tensors = tensorsInMemory({ w: { ...one.w, shape: [1] } })

describe('writing safetensors', () => {
  it('gives byte for byte what the reference implementation wrote', async () => {
    for (const name of ['half.safetensors', 'llama-helium1.safetensors', 'llama-helium1.golden.safetensors']) {
      const file = await Safetensors.open(await fileSource(fixture(name)))
      const plans = [...file.entries()].map(([name, entry]) => ({ name, ...entry }))
      const sink = memorySink(name)
      await writeSafetensors(sink, { plans, produce: (plan) => file.readBytes(plan.name) }, { metadata: file.metadata })
      expect(Buffer.from(sink.bytes()).equals(await readFile(fixture(name))), name).toBe(true)
      await file.close()
    }
  })

  it('replaces a file at once and leaves nothing beside it', async () => {
    const path = join(folder, 'deep/er/model.safetensors')
    await writeSafetensors(await fileSink(path), tensors)
    await writeSafetensors(await fileSink(path), tensors, { metadata: { step: '2' } })
    expect(await readdir(join(folder, 'deep/er'))).toEqual(['model.safetensors'])
    expect((await Safetensors.open(await fileSource(path))).metadata).toEqual({ step: '2' })
  })

  it('leaves the old file as it was when writing fails half way', async () => {
    const path = join(folder, 'kept.safetensors')
    await writeFile(path, 'old')
    const failing = { plans: tensors.plans, produce: () => Promise.reject(new Error('no data')) }
    await expect(writeSafetensors(await fileSink(path), failing)).rejects.toThrow('no data')
    expect(await readFile(path, 'utf8')).toBe('old')
    expect((await readdir(folder)).filter((file) => file.startsWith('kept'))).toEqual(['kept.safetensors'])
  })

  it('takes a tensor in pieces, and counts them', async () => {
    const inPieces = (...sizes: number[]) => ({
      plans: [{ name: 'w', dtype: 'U8', shape: [5] }] satisfies TensorPlan[],
      async *produce() {
        for (const size of sizes) yield new Uint8Array(size).fill(size)
      },
    })
    const sink = memorySink('x')
    await writeSafetensors(sink, inPieces(2, 3))
    const file = await Safetensors.open(memorySource('x', sink.bytes()))
    expect([...(await file.readBytes('w'))]).toEqual([2, 2, 3, 3, 3])
    for (const sizes of [[2], [2, 4]]) {
      await expect(writeSafetensors(memorySink('x'), inPieces(...sizes))).rejects.toMatchObject({ rule: 'shape', tensor: 'w' })
    }
  })

  it('reports progress in bytes', async () => {
    const seen: number[] = []
    const sink = memorySink('x')
    await writeSafetensors(sink, tensors, { onProgress: ({ writtenBytes, totalBytes }) => seen.push(writtenBytes, totalBytes) })
    expect(seen).toEqual([sink.bytes().length, sink.bytes().length])
  })

  it.each([
    ['shape', { dtype: 'F32', shape: [2], data: Float32Array.of(1) }],
    ['shape', { dtype: 'F32', shape: [-1], data: Float32Array.of(1) }],
    ['shape', { dtype: 'F32', shape: [0.5], data: Float32Array.of(1) }],
    ['dtype', { dtype: 'F32', shape: [1], data: Int32Array.of(1) }],
    ['overflow', { dtype: 'F32', shape: [2 ** 40, 2 ** 40], data: Float32Array.of(1) }],
  ] as const)('refuses data that breaks the rule %s', async (rule, tensor) => {
    await expect(encodeSafetensors({ w: { ...tensor, shape: [...tensor.shape] } })).rejects.toMatchObject({ rule, tensor: 'w' })
  })

  it('refuses two tensors of one name, and the name of the metadata', async () => {
    const plan: TensorPlan = { name: 'w', dtype: 'F32', shape: [1] }
    const produce = () => Float32Array.of(1)
    await expect(writeSafetensors(memorySink('x'), { plans: [plan, plan], produce })).rejects.toMatchObject({
      rule: 'duplicate-key',
    })
    const metadata = { ...plan, name: '__metadata__' }
    await expect(writeSafetensors(memorySink('x'), { plans: [metadata], produce })).rejects.toMatchObject({
      rule: 'duplicate-key',
    })
  })
})
