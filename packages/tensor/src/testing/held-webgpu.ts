/** A WebGPU device with restrictions (small bindings, fewer features), compared with the reference. */
import * as tf from '@tensorflow/tfjs-core'
import { init } from '../engine/init.ts'
import { dispose, scope } from '../engine/scope.ts'
import type { Tensor } from '../engine/tensor.ts'
import type { CasaWebgpuBackend } from '../engine/webgpu/backend.ts'
import { tensor } from '../ops/create/index.ts'
import { expectClose, type HostTensor } from './op-suite.ts'

type Tensors = Record<string, Tensor>

/** The backend of the device that init() has started. */
export const webgpuBackend = () => tf.backend() as CasaWebgpuBackend

/** Every output of `f` over the same inputs, on the reference and on WebGPU, whose backend gets the fields of `held`. */
export async function compareWithCpu(
  inputs: Record<string, HostTensor>,
  held: Partial<Pick<CasaWebgpuBackend, 'bindingBytes' | 'proven'>>,
  f: (t: Tensors) => Tensors,
): Promise<void> {
  const on = async (device: 'cpu' | 'webgpu') => {
    await init({ device, software: true })
    if (device === 'webgpu') Object.assign(webgpuBackend(), held)
    const given = Object.fromEntries(Object.entries(inputs).map(([name, { data, shape }]) => [name, tensor(data, shape)]))
    const found = scope(() => f(given))
    const toHost = async (t: Tensor) => ({ data: (await t.data()).slice(), shape: t.shape })
    const entries = Object.entries(found).map(async ([name, t]) => [name, await toHost(t)] as const)
    const read = Object.fromEntries(await Promise.all(entries)) as Record<string, HostTensor>
    dispose(...Object.values(given), ...Object.values(found))
    return read
  }
  const expected = await on('cpu')
  const found = await on('webgpu')
  for (const name of Object.keys(expected)) expectClose(name, found[name]!, expected[name]!, 1e-4)
}
