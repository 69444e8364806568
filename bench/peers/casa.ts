/** casa-js itself. */
import {
  attention,
  close,
  dispose,
  init,
  linear,
  matMul,
  scope,
  sum,
  tensor,
  valueAndGradients,
  type DeviceName,
  type Tensor,
} from '@casa-js/tensor'
import { decoderTokens, referenceShape } from '../decoder/decoder-shape.ts'
import { ReferenceDecoder } from '../decoder/reference-decoder.ts'
import { ours } from './ours.node.ts'
import { attentionInputs, attentionShape, products, values, type CaseName, type Peer, type Timed } from './peer.ts'

const wideVectors = process.execArgv.includes('--experimental-wasm-revectorize')

export async function createPeer(device: DeviceName, threads: number): Promise<Peer> {
  const { adapter, software, features } = await init({ device, threads, software: true, wideVectors })
  const where = device === 'webgpu' ? adapter : `${threads} thread${threads > 1 ? 's' : ''}`
  const setting = [device, where, ...features.filter((feature) => /simd|wide/.test(feature))]
  if (software) setting.push('software: correctness only')
  return { ...ours, setting: setting.join(', '), software, prepare, close }
}

/** Run in a scope; wait until the result can be read, which on a GPU is when the work is done. */
const finished =
  (f: () => Tensor): Timed =>
  async () => {
    const result = scope(f)
    const data = await result.data()
    dispose(result)
    return data as Float32Array
  }

function prepare(name: CaseName): Timed {
  if (name === 'linear') {
    const [M, K, N] = products.linear
    const [x, w] = [tensor(values(M * K, 1), [M, K]), tensor(values(N * K, 2), [N, K])]
    return finished(() => linear(x, w))
  }
  if (name === 'transposed') {
    const [M, K, N] = products.transposed
    const [a, b] = [tensor(values(K * M, 1), [K, M]), tensor(values(K * N, 2), [K, N])]
    return finished(() => matMul(a, b, { transposeA: true }))
  }
  if (name === 'vector') {
    const [M, K, N] = products.vector
    const [x, w] = [tensor(values(M * K, 1), [M, K]), tensor(values(N * K, 2), [N, K])]
    return finished(() => linear(x, w))
  }
  if (name === 'attention' || name === 'attentionGradient') return prepareAttention(name === 'attentionGradient')
  const decoder = new ReferenceDecoder(referenceShape)
  const { ids, targets } = decoderTokens(referenceShape)
  if (name === 'forward') return finished(() => decoder.forward(ids))
  return async () => {
    const loss = decoder.train(ids, targets)
    const [value] = await loss.data()
    dispose(loss)
    return value!
  }
}

export function prepareAttention(withGradient: boolean, shape = attentionShape): Timed {
  const { batch, tokens, heads, headSize } = shape
  const [q, k, v] = attentionInputs('tokens first', shape).map((data) => tensor(data, [batch * tokens, heads, headSize])) as [
    Tensor,
    Tensor,
    Tensor,
  ]
  const cu = Int32Array.from({ length: batch + 1 }, (_, b) => b * tokens)
  const forward = () => attention(q, k, v, { cuQ: cu, cuK: cu, causal: false })
  if (!withGradient) return finished(forward)
  return finished(() => {
    const { value, gradients } = valueAndGradients(() => sum(forward()), [q, k, v])
    dispose(value, gradients[1]!, gradients[2]!)
    return gradients[0]!
  })
}
