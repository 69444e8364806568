import { beforeAll, describe, expect, it } from 'vitest'
import {
  add,
  block,
  dispose,
  init,
  keep,
  linear,
  memory,
  multiply,
  noGrad,
  scale,
  scope,
  silu,
  streamGradients,
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

describe('streamGradients', () => {
  it('hands over each gradient once it is complete, before the pass reaches earlier layers', async () => {
    const [a, b, unused] = [tensor([1, 2, 3, 4], [2, 2]), tensor([4, 3, 2, 1], [2, 2]), tensor([5], [1])]
    const loss = () => sum(linear(silu(linear(a, a)), b))
    const wanted = valueAndGradients(loss, [a, b, unused])
    const order: number[] = []
    const got: Float32Array[] = []
    const tensors: number[] = []
    await withoutLeaks('a streamed step', async () => {
      const reads: Promise<void>[] = []
      const value = streamGradients(loss, [a, b, unused], (i, gradient) => {
        order.push(i)
        tensors.push(memory().tensors)
        reads.push(gradient.data().then((values) => void (got[i] = values as Float32Array)))
        dispose(gradient)
      })
      await Promise.all(reads)
      dispose(value)
    })
    expect(order).toEqual([2, 1, 0])
    expect(got).toEqual(await Promise.all(wanted.gradients.map((gradient) => gradient.data())))
    dispose(wanted.value, ...wanted.gradients)
  })

  it('frees what was handed over when the pass fails afterwards', async () => {
    const x = tensor([1, 2], [2])
    await withoutLeaks('a failing step', () => {
      const fail = () => {
        throw new Error('on purpose')
      }
      expect(() => streamGradients(() => sum(x), [x], fail)).toThrow('on purpose')
    })
  })
})

describe('block', () => {
  /** Blocks of shared and own weights over a stream that all of them also read directly, some nested, with dropout from a seed. */
  const deep = (width: number, depth: number) => {
    const weight = (seed: number) =>
      tensor(
        Float32Array.from({ length: width * width }, (_, i) => Math.sin(i * 7.3 + seed) / 2),
        [width, width],
      )
    const own = Array.from({ length: depth }, (_, i) => weight(i))
    const shared = weight(99)
    let runs = 0
    const dropout = (x: ReturnType<typeof tensor>, seed: number) => {
      let state = seed + 1
      const mask = Float32Array.from({ length: x.size }, () => ((state = (state * 48271) % 2147483647) % 4 === 0 ? 0 : 4 / 3))
      return multiply(x, tensor(mask, x.shape))
    }
    const loss = () => {
      const side = silu(shared)
      let h = shared
      own.forEach((w, i) => {
        const input = h
        h = block(() => {
          runs++
          const inner = block(() => scope(() => silu(linear(input, w))))
          const mixed = scope(() => add(dropout(inner, i), linear(side, shared)))
          dispose(inner)
          const out = add(input, mixed)
          dispose(input)
          return out
        })
      })
      return sum(h)
    }
    return { loss, parameters: [shared, ...own], runs: () => runs }
  }

  const gradientsOf = async ({ loss, parameters }: ReturnType<typeof deep>, recompute: boolean) => {
    const gradients: Float32Array[] = []
    const counts: number[] = []
    const reads: Promise<void>[] = []
    const value = streamGradients(
      loss,
      parameters,
      (i, gradient) => {
        counts.push(memory().bytes)
        reads.push(gradient.data().then((values) => void (gradients[i] = values as Float32Array)))
        dispose(gradient)
      },
      { recompute, seed: 3 },
    )
    await Promise.all(reads)
    const result = { value: (await value.data())[0]!, gradients, peak: Math.max(...counts) }
    dispose(value)
    return result
  }

  it.each(['cpu', 'wasm'] as const)('run again gives the same gradients bit for bit, from less memory, on %s', async (device) => {
    await init({ device })
    const model = deep(16, 6)
    const stored = await gradientsOf(model, false)
    expect(model.runs()).toBe(6)
    const before = memory().tensors
    const again = await gradientsOf(model, true)
    expect(memory().tensors).toBe(before)
    expect(model.runs()).toBe(6 + 12)
    expect(again.value).toBe(stored.value)
    expect(again.gradients).toEqual(stored.gradients)
    expect(again.peak).toBeLessThan(stored.peak)
  })

  it('only runs outside a gradient', () => {
    const x = tensor([1, -2], [2])
    const before = memory().tensors
    dispose(block(() => scale(x, 2)))
    expect(memory().tensors).toBe(before)
  })

  it('that throws leaves nothing behind', async () => {
    const x = tensor([1, 2], [2])
    const failing = () =>
      block(() => {
        scale(x, 2)
        throw new Error('on purpose')
      })
    await withoutLeaks('a failing block', () => {
      expect(() => streamGradients(failing, [x], () => {}, { recompute: true })).toThrow('on purpose')
    })
    expect(() => valueAndGradients(() => sum(x), [x])).not.toThrow()
  })
})
