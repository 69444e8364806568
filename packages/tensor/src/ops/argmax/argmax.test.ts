import { describe, expect, it } from 'vitest'
import { describeOp, type HostTensor, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { argmax } from './index.ts'

const cases: [name: string, x: HostTensor][] = [
  ['a vector', randomTensor([9], 1)],
  ['one value', randomTensor([1, 1], 1)],
  ['no rows', randomTensor([0, 3], 1)],
  ['three axes', randomTensor([2, 3, 5], 1)],
  ['ties: the first', { data: Float32Array.from({ length: 300 }, (_, i) => (i % 7 === 6 ? 1 : 0)), shape: [3, 100] }],
  ['the last of a row past one block', { data: Float32Array.from({ length: 1030 }, (_, i) => i), shape: [1, 1030] }],
  ['rows past one block', randomTensor([70, 33], 1)],
  ['all below zero', { data: Float32Array.of(-3e38, -1e30, -2e30, -3e38, -2e38), shape: [5] }],
]

await describeOp(
  'argmax',
  cases.map(([name, x]): OpCase => ({ name, inputs: { x }, run: ({ x }) => argmax(x!), differentiate: [] })),
)

describe('argmax', () => {
  it('refuses an empty row', () => {
    expect(() => argmax(tensor([], [2, 0]))).toThrow('argmax: x has shape [2,0], expected a last axis of at least one')
  })
})
