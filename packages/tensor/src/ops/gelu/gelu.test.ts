import { beforeAll, describe, expect, it } from 'vitest'
import { init } from '../../engine/init.ts'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { gelu } from './index.ts'

const kinds = ['none', 'tanh'] as const
const shapes = [[], [0], [3, 5], [2, 3, 7], [70, 33]]

for (const approximate of kinds) {
  await describeOp(`gelu (${approximate})`, [
    ...shapes.map((shape): OpCase => ({
      name: `[${shape}]`,
      inputs: { x: randomTensor(shape, 1) },
      run: ({ x }) => gelu(x!, { approximate }),
    })),
    {
      name: 'far from zero',
      inputs: { x: { data: Float32Array.of(-1e3, -30, -9, -5, 5, 9, 30, 1e3), shape: [8] } },
      run: ({ x }) => gelu(x!, { approximate }),
      differentiate: [],
    },
  ])
}

describe('gelu', () => {
  beforeAll(() => init({ device: 'cpu' }))

  // torch.nn.functional.gelu of PyTorch 2.13, float64.
  it.each([
    ['none', [-0.0040496941, -0.1586552539, 0, 0.3457312306, 1.9544997361]],
    ['tanh', [-0.0036373921, -0.1588080094, 0, 0.3457140015, 1.9545976941]],
  ] as const)('%s equals PyTorch', async (approximate, expected) => {
    const y = gelu(tensor([-3, -1, 0, 0.5, 2], [5]), { approximate })
    ;(await y.data()).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6))
  })
})
