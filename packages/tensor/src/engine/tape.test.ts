import { beforeAll, describe, expect, it } from 'vitest'
import {
  add,
  dispose,
  init,
  keep,
  linear,
  memory,
  multiply,
  noGrad,
  scale,
  scope,
  sum,
  tensor,
  valueAndGradients,
  withoutLeaks,
} from '../index.ts'

beforeAll(async () => {
  await init({ device: 'cpu' })
})

describe('valueAndGradients', () => {
  it('adds up the gradients of a tensor used twice', async () => {
    const x = tensor([3, -2], [2])
    const { value, gradients } = valueAndGradients(() => sum(add(multiply(x, x), scale(x, 5))), [x])
    expect(await value.data()).toEqual(Float32Array.of(9 + 4 + 5))
    expect(await gradients[0]!.data()).toEqual(Float32Array.of(11, 1))
  })

  it('gives a zero gradient for a parameter that the loss does not depend on', async () => {
    const [x, other] = [tensor([1, 2], [2]), tensor([1, 2, 3], [3])]
    const { gradients } = valueAndGradients(() => sum(x), [x, other])
    expect(await gradients[1]!.data()).toEqual(new Float32Array(3))
  })

  it('starts from the seed', async () => {
    const x = tensor([1, 2], [2])
    const { gradients } = valueAndGradients(() => sum(x), [x], 0.25)
    expect(await gradients[0]!.data()).toEqual(Float32Array.of(0.25, 0.25))
  })

  it('propagates no gradient through noGrad', async () => {
    const x = tensor([3], [1])
    const { gradients } = valueAndGradients(
      () =>
        sum(
          multiply(
            x,
            noGrad(() => scale(x, 2)),
          ),
        ),
      [x],
    )
    expect(await gradients[0]!.data()).toEqual(Float32Array.of(6))
  })

  it('allows scope and dispose inside: tensors that the backward pass reads are not freed', async () => {
    const x = tensor([2], [1])
    const loss = () =>
      scope(() => {
        const square = multiply(x, x)
        const fourth = multiply(square, square)
        dispose(square)
        return sum(fourth)
      })
    const { gradients } = valueAndGradients(loss, [x])
    expect(await gradients[0]!.data()).toEqual(Float32Array.of(32))
  })

  it('returns value and gradients that the caller may free with a scope', async () => {
    const w = tensor([1, 2, 3, 4], [2, 2])
    const loss = () => sum(linear(linear(w, w), w))
    const result = await withoutLeaks('a step', () => {
      const { value, gradients } = valueAndGradients(loss, [w])
      dispose(value, ...gradients)
    })
    expect(result).toBeUndefined()
    await withoutLeaks('a step in a scope', () => {
      scope(() => void valueAndGradients(loss, [w]))
    })
  })

  it('frees everything when the function throws, and can be called again', async () => {
    const x = tensor([1], [1])
    const failing = () => {
      multiply(x, x)
      throw new Error('on purpose')
    }
    await withoutLeaks('a failing step', () => expect(() => valueAndGradients(failing, [x])).toThrow('on purpose'))
    expect(() => valueAndGradients(() => x, [x])).not.toThrow()
  })

  it('refuses a loss that is not a scalar, and nested calls', () => {
    const x = tensor([1, 2], [2])
    expect(() => valueAndGradients(() => x, [x])).toThrow('must return a scalar, got shape [2]')
    const nested = () => valueAndGradients(() => sum(x), [x]).value
    expect(() => valueAndGradients(nested, [x])).toThrow('already inside another')
  })
})

describe('scope', () => {
  it('frees everything except what is returned or kept', () => {
    const before = memory().tensors
    let kept = tensor([0], [1])
    const returned = scope(() => {
      kept = keep(tensor([1], [1]))
      tensor([2], [1])
      return { inside: [tensor([3], [1])] }
    })
    expect(memory().tensors - before).toBe(3)
    expect(kept.isDisposed).toBe(false)
    dispose(kept, ...returned.inside)
    expect(memory().tensors - before).toBe(1)
  })
})

describe('withoutLeaks', () => {
  it('reports how many tensors leaked', async () => {
    await expect(withoutLeaks('a leaky step', () => void tensor([1, 2], [2]))).rejects.toThrow(
      'a leaky step left 1 tensors (8 bytes) behind',
    )
  })
})
