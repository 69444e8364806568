import { afterEach, describe, expect, it } from 'vitest'
import { close, DeviceUnavailableError, init, matMul, memory, OutOfMemoryError, report, tensor, zeros } from '../index.ts'

afterEach(close)

describe('init', () => {
  it('reports the device asked for', async () => {
    expect(await init({ device: 'cpu' })).toMatchObject({ device: 'cpu', reason: 'asked for cpu' })
    const wasm = await init({ device: 'wasm' })
    expect(wasm.device).toBe('wasm')
    expect(wasm.features).toContain('simd')
    expect(report()).toEqual(wasm)
  })

  it('auto reports why each better device was not used', async () => {
    const { device, reason } = await init()
    expect(reason).toMatch(/^best that works here/)
    if (device !== 'webgpu') expect(reason).toMatch(/; webgpu: .+/)
  })

  it('refuses a device that does not exist', async () => {
    await expect(init({ device: 'abacus' as 'cpu' })).rejects.toThrow(DeviceUnavailableError)
    expect(() => report()).toThrow('await init() first')
  })

  it('starts again after close, with no tensors left', async () => {
    for (const device of ['wasm', 'cpu', 'wasm'] as const) {
      await init({ device })
      const product = matMul(tensor([1, 2, 3, 4], [2, 2]), tensor([5, 6, 7, 8], [2, 2]))
      expect(Array.from(await product.data())).toEqual([19, 22, 43, 50])
      await close()
      expect(() => report()).toThrow(DeviceUnavailableError)
    }
  })
})

describe('out of memory', () => {
  it('throws OutOfMemoryError on wasm, and the device stays usable', async () => {
    await init({ device: 'wasm' })
    const before = memory().tensors
    // 8 GiB: more than a WebAssembly memory can have.
    const [a, b] = [zeros([2 ** 16, 1]), zeros([1, 2 ** 15])]
    expect(() => matMul(a, b)).toThrow(OutOfMemoryError)
    expect(memory().tensors - before).toBe(2)
    expect(Array.from(await matMul(zeros([1, 2]), zeros([2, 1])).data())).toEqual([0])
  })
})
