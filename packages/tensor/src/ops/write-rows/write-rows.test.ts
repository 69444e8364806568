import { beforeAll, describe, expect, it } from 'vitest'
import { init } from '../../engine/init.ts'
import { dispose } from '../../engine/scope.ts'
import { valueAndGradients } from '../../engine/backward-pass.ts'
import { describeOp, type HostTensor, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor } from '../../testing/random.ts'
import { tensor, zeros } from '../create/index.ts'
import { sum } from '../elementwise/index.ts'
import { clone } from '../shape/index.ts'
import { writeRows } from './index.ts'

const integers = (shape: number[], first: number): HostTensor => ({
  data: Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => first + i),
  shape,
})
const cases: [name: string, target: HostTensor, rows: HostTensor, offset: number][] = [
  ['all rows', randomTensor([3, 5], 1), randomTensor([3, 5], 2), 0],
  ['the last row of heads', randomTensor([9, 2, 7], 1), randomTensor([1, 2, 7], 2), 8],
  ['no rows at the end', randomTensor([3, 5], 1), randomTensor([0, 5], 2), 3],
  ['single values', randomTensor([9], 1), randomTensor([2], 2), 3],
  ['past one block', randomTensor([100, 33], 1), randomTensor([70, 33], 2), 13],
  ['integers', integers([4, 3], 0), integers([2, 3], -100), 1],
]

await describeOp(
  'writeRows',
  cases.map(([name, target, rows, offset]): OpCase => ({
    name,
    inputs: { target, rows },
    run: ({ target, rows }) => {
      writeRows(target!, rows!, offset)
      return clone(target!)
    },
    differentiate: [],
  })),
)

describe('writeRows', () => {
  beforeAll(() => init({ device: 'cpu' }))

  it('changes no other rows, and does not change the source rows', async () => {
    const [target, rows] = [tensor([1, 2, 3, 4, 5, 6], [3, 2]), tensor([7, 8], [1, 2])]
    writeRows(target, rows, 1)
    expect(Array.from(await target.data())).toEqual([1, 2, 7, 8, 5, 6])
    expect(Array.from(await rows.data())).toEqual([7, 8])
    dispose(target, rows)
  })

  it('refuses rows that do not fit in size, shape or dtype', () => {
    const target = zeros([3, 2])
    expect(() => writeRows(target, zeros([2, 2]), 2)).toThrow('2 rows at 2 do not fit into 3')
    expect(() => writeRows(target, zeros([1, 2]), -1)).toThrow('1 rows at -1 do not fit into 3')
    expect(() => writeRows(target, zeros([1, 3]), 0)).toThrow('do not belong in a target float32 [3,2]')
    expect(() => writeRows(target, zeros([1, 2], 'int32'), 0)).toThrow('rows int32 [1,2]')
  })

  it('refuses to overwrite while a gradient is being computed', () => {
    const target = zeros([3, 2])
    const loss = () => {
      writeRows(target, zeros([1, 2]), 0)
      return sum(target)
    }
    expect(() => valueAndGradients(loss, [target])).toThrow('a gradient being taken')
  })
})
