/** tfjs's kernels on tensors larger than one binding, which tfjs's own programs cannot take: each compared with the reference. */
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import * as ops from '../../index.ts'
import { whyMissing } from '../../testing/devices.ts'
import { compareWithCpu, webgpuBackend } from '../../testing/held-webgpu.ts'
import { randomTensor } from '../../testing/random.ts'
import { sizeOf } from '../tensor.ts'

const { add, subtract, multiply } = ops
const missing = await whyMissing('webgpu')

/** Room for 1,024 elements. */
const little = { bindingBytes: 4096 }
const [a, b] = [randomTensor([300, 12], 1), randomTensor([300, 12], 2)]
const row = randomTensor([12], 3)
const plane = randomTensor([3, 12], 4)
const scalar = randomTensor([], 5)
const integers = { data: Int32Array.from({ length: 2100 }, (_, i) => (i * 7919) % 1000), shape: [30, 70] }

describe.skipIf(missing)('tensors larger than one binding', () => {
  afterEach(() => vi.restoreAllMocks())
  afterAll(() => ops.close())

  /** As compareWithCpu; fails if a program of tfjs's, which binds whole tensors, got a large one. */
  async function compare(inputs: Parameters<typeof compareWithCpu>[0], f: Parameters<typeof compareWithCpu>[2]): Promise<void> {
    const { CasaWebgpuBackend } = await import('./backend.ts')
    const ofTfjs = vi.spyOn(CasaWebgpuBackend.prototype, 'runWebGPUProgram')
    await compareWithCpu(inputs, little, f)
    const shapes = ofTfjs.mock.calls.flatMap(([program, tensors]) => [program.outputShape, ...tensors.map(({ shape }) => shape)])
    expect(shapes.filter((shape) => 4 * sizeOf(shape) > little.bindingBytes)).toEqual([])
  }

  it.each(Object.entries({ add, subtract, multiply }))('%s a tensor, a row, a scalar', async (_, operator) => {
    await compare({ a, b, row, scalar }, ({ a, b, row, scalar }) => ({
      same: operator(a!, b!),
      itself: operator(a!, a!),
      row: operator(a!, row!),
      scalar: operator(a!, scalar!),
    }))
  })

  it('a block of the last axes', async () => {
    await compare({ x: { ...a, shape: [100, 3, 12] }, plane }, ({ x, plane }) => ({ sum: tf.add(x!, plane!) }))
  })

  it('scale, negation, sum, mean, fill and clone', async () => {
    await compare({ a, integers }, ({ a, integers }) => ({
      scaled: ops.scale(a!, -2.5),
      negated: tf.neg(a!),
      sum: ops.sum(a!),
      mean: ops.mean(a!),
      zeros: ops.zeros([40, 33]),
      filled: ops.fill([2000], 1.5),
      cloned: ops.clone(a!),
      clonedIntegers: ops.clone(integers!),
    }))
  })

  it.each([
    ['rows', [10, 0], [250, 12]],
    ['one row', [299, 0], [1, 12]],
    ['columns', [0, 5], [300, 4]],
    ['one column', [0, 11], [300, 1]],
    ['a block', [3, 2], [290, 9]],
    ['nothing', [3, 2], [0, 9]],
    ['all', [0, 0], [300, 12]],
  ])('slice: %s', async (_, begin, size) => {
    await compare({ a }, ({ a }) => ({ slice: ops.slice(a!, begin, size) }))
  })

  it('slice of three axes, of bits', async () => {
    await compare({ integers: { ...integers, shape: [14, 15, 10] } }, ({ integers }) => ({
      slice: ops.slice(integers!, [2, 3, 1], [11, 9, 8]),
      line: ops.slice(integers!, [0, 0, 9], [14, 15, 1]),
    }))
  })

  it('concat of rows, of columns, of bits', async () => {
    await compare({ a, b, plane, integers }, ({ a, b, plane, integers }) => ({
      rows: ops.concat([plane!, a!, ops.zeros([0, 12]), b!, plane!], 0),
      columns: ops.concat([a!, b!, a!], 1),
      middle: ops.concat([ops.reshape(a!, [100, 3, 12]), ops.reshape(b!, [100, 3, 12])], 1),
      integers: ops.concat([integers!, integers!], 0),
    }))
  })

  it('inputs that fit one binding alone, but not together', async () => {
    const half = randomTensor([70, 12], 6)
    await compare({ half }, ({ half }) => ({ both: ops.concat([half!, half!], 0) }))
  })

  it('gradients of all of these', async () => {
    await compare({ a, b, row, weights: randomTensor([100, 20], 7) }, ({ a, b, row, weights }) => {
      const loss = () => {
        const mixed = multiply(add(a!, row!), subtract(b!, ops.scale(a!, 0.5)))
        const joined = ops.concat([ops.slice(mixed, [100, 0], [100, 12]), ops.slice(b!, [7, 4], [100, 8])], 1)
        return add(ops.sum(multiply(joined, weights!)), ops.mean(mixed))
      }
      const { value, gradients } = ops.valueAndGradients(loss, [a!, b!, row!])
      return { value, da: gradients[0]!, db: gradients[1]!, dRow: gradients[2]! }
    })
  })

  it('a tied embedding and its head, trained', async () => {
    const ids = Int32Array.from({ length: 20 }, (_, t) => (t * 37) % 300)
    await compare({ table: a }, ({ table }) => {
      const weights = new Float32Array(20).fill(1)
      const hidden = () => ops.embedding(table!, ids, { paddingIndex: 37 })
      const loss = () => ops.linearCrossEntropy(hidden(), table!, ids, weights, { chunk: 32 })
      const { value, gradients } = ops.valueAndGradients(loss, [table!])
      return { value, dTable: gradients[0]! }
    })
  })

  it('an operator that cannot be cut throws an error that says so', async () => {
    await ops.init({ device: 'webgpu', software: true })
    Object.assign(webgpuBackend(), little)
    const [large, column] = [ops.zeros([300, 12]), ops.zeros([300, 1])]
    const before = ops.memory().tensors
    expect(() => tf.add(large, column)).toThrow('[300,12] + [300,1]: beyond one binding the second must be')
    expect(() => tf.sum(large, 0)).toThrow('sum of float32 [300,12] along 0: beyond one binding')
    expect(() =>
      tf.pad(
        large,
        [
          [1, 0],
          [0, 0],
        ],
        1,
      ),
    ).toThrow('pad with 1: beyond one binding only zeros')
    expect(() => ops.transpose(large)).toThrow('transpose of [300,12]: this WebGPU device binds at most 4096 bytes')
    expect(ops.memory().tensors).toBe(before)
    ops.dispose(large, column)
  })
})
