import type { BlockType } from '@casa-js/base/internal'
import { afterEach, describe, expect, it } from 'vitest'
import { close, init } from '../../engine/init.ts'
import { dispose, withoutLeaks } from '../../engine/scope.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { observeKernels } from '../../engine/kernel.ts'
import { byteProducts } from '../../engine/wasm/byte-product.ts'
import { randomBlocks } from '../../testing/blocks.ts'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor, randomValues } from '../../testing/random.ts'
import { createCompressedBlocks } from '../block-linear/index.ts'
import { createCompressedQuantizedWeight } from '../compressed/index.ts'
import { tensor } from '../create/index.ts'
import { linear } from '../linear/index.ts'
import { quantize } from '../quantized-linear/quantize.ts'
import { swiglu } from '../swiglu/index.ts'
import { gatedLinear } from './index.ts'

const shapes = [
  { x: [1, 5], outputs: 3 },
  { x: [2, 3, 7], outputs: 4 },
  { x: [9, 33], outputs: 18 },
]

await describeOp(
  'gatedLinear',
  shapes.map(({ x, outputs }): OpCase => {
    const inputs = x.at(-1)!
    return {
      name: `[${x}] to ${outputs}`,
      inputs: {
        x: randomTensor(x, 1),
        gate: randomTensor([outputs, inputs], 2),
        up: randomTensor([outputs, inputs], 3),
        bias: randomTensor([outputs], 4),
      },
      run: ({ x, gate, up, bias }) => gatedLinear(x!, { weight: gate!, bias }, { weight: up! }),
    }
  }),
)

function weightOf(type: 'int4' | BlockType, shape: [number, number], seed: number, group: number): Tensor {
  if (type !== 'int4') return createCompressedBlocks(randomBlocks(type, shape, seed, 1 / Math.sqrt(shape[1])), shape, type)
  return createCompressedQuantizedWeight(quantize(randomValues(shape[0] * shape[1], seed), shape, { bits: 4, group }))
}

describe('gatedLinear with weights in 4 bits on wasm', () => {
  afterEach(close)

  // Rows: just enough, a tile and a part of one, more than the L1 cache takes at once. Outputs: less than a panel, panels and a part of one.
  it.each([
    ['int4', 7, 64, 5, 32],
    ['int4', 70, 64, 37, 64],
    ['int4', 131, 576, 16, 32],
    ['Q4_1', 9, 64, 37, 32],
    ['Q4_K', 66, 256, 33, 32],
  ] as const)('gives the bits of its three operators: %s, %i rows of %i to %i', async (type, rows, inputs, outputs, group) => {
    const { features } = await init({ device: 'wasm' })
    await withoutLeaks('gatedLinear', async () => {
      const x = tensor(randomValues(rows * inputs, 1), [rows, inputs])
      const [gate, up] = [2, 3].map((seed) => weightOf(type, [outputs, inputs], seed, group)) as [Tensor, Tensor]
      const bias = tensor(randomValues(outputs, 4), [outputs])
      const kernels: string[] = []
      const y = observeKernels(
        ({ kernel }) => void kernels.push(kernel),
        () => gatedLinear(x, { weight: gate, bias }, { weight: up }),
      )
      if (features.includes(byteProducts)) expect(kernels).toEqual(['GatedLinear'])
      const parts = [linear(x, gate, bias), linear(x, up)] as const
      const expected = swiglu(...parts)
      expect(await y.data()).toEqual(await expected.data())
      dispose(x, gate, up, bias, y, expected, ...parts)
    })
  })

  it('is made of its operators where the weights differ in form', async () => {
    await init({ device: 'wasm' })
    const x = tensor(randomValues(8 * 64, 1), [8, 64])
    const gate = weightOf('int4', [6, 64], 2, 32)
    const up = weightOf('Q4_1', [6, 64], 3, 32)
    const parts = [linear(x, gate), linear(x, up)] as const
    const [y, expected] = [gatedLinear(x, { weight: gate }, { weight: up }), swiglu(...parts)]
    expect(await y.data()).toEqual(await expected.data())
    dispose(x, gate, up, y, expected, ...parts)
  })

  it('refuses a bias of another size', async () => {
    await init({ device: 'wasm' })
    const x = tensor(randomValues(8 * 64, 1), [8, 64])
    const [gate, up] = [2, 3].map((seed) => weightOf('int4', [6, 64], seed, 32)) as [Tensor, Tensor]
    const bias = tensor([1, 2], [2])
    expect(() => gatedLinear(x, { weight: gate, bias }, { weight: up })).toThrow(/bias/)
    dispose(x, gate, up, bias)
  })
})
