/** casa-js itself. */
import { attention, close, dispose, init, linear, matMul, scope, sum, tensor, valueAndGradients, type DeviceName, type Tensor } from '@casa-js/tensor'
import { decoderTokens, referenceShape } from '../decoder-shape.ts'
import { ReferenceDecoder } from '../reference-decoder.ts'
import { attentionShape, products, values, type CaseName, type Peer, type Timed } from './peer.ts'

export async function createPeer(device: DeviceName): Promise<Peer> {
  const report = await init({ device })
  const setting = [device, report.software || device === 'webgpu' ? report.adapter : '1 thread', ...report.features.filter((f) => f.includes('simd'))]
  return { name: 'casa-js', version: '0.1.0', setting: setting.join(', '), prepare, close }
}

/** Run in a scope; wait until the first element can be read, which on a GPU is when the work is done. */
const finished = (f: () => Tensor): Timed => async () => {
  const result = scope(f)
  await result.data()
  dispose(result)
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
    return value
  }
}

function prepareAttention(withGradient: boolean): Timed {
  const { batch, tokens, heads, headSize } = attentionShape
  const shape = [batch * tokens, heads, headSize]
  const [q, k, v] = [1, 2, 3].map((seed) => tensor(values(batch * tokens * heads * headSize, seed), shape))
  const cu = Int32Array.from({ length: batch + 1 }, (_, b) => b * tokens)
  const forward = () => attention(q, k, v, { cuQ: cu, cuK: cu, causal: false })
  if (!withGradient) return finished(forward)
  return finished(() => {
    const { value, gradients } = valueAndGradients(() => sum(forward()), [q, k, v])
    dispose(value, gradients[1], gradients[2])
    return gradients[0]
  })
}
