/**
 * Plain tfjs: its wasm backend, its operators, its gradients. Batched tensors, as its users write them,
 * and weights as its layers hold them, [in, out]: a transposed product is forty times slower.
 */
import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { setWasmPaths, version_wasm } from '@tensorflow/tfjs-backend-wasm'
import { adamw, decoderTokens, decoderWeights, referenceShape } from '../decoder/decoder-shape.ts'
import {
  attentionInputs,
  attentionShape,
  normEps,
  products,
  ropeTheta,
  transposed,
  values,
  type CaseName,
  type Peer,
  type Timed,
} from './peer.ts'

export async function createPeer(): Promise<Peer> {
  const require = createRequire(import.meta.url)
  setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep)
  await tf.setBackend('wasm')
  // In Node tfjs registers no gradients, and its list of them cannot be imported as a module.
  require('@tensorflow/tfjs-core/dist/register_all_gradients.js')
  return { name: 'tfjs', version: version_wasm, setting: 'wasm, 1 thread, simd', prepare }
}

/** Run in a tidy and wait for the result. */
const finished =
  (f: () => tf.Tensor): Timed =>
  async () => {
    const result = tf.tidy(f)
    const data = await result.data()
    result.dispose()
    return data as Float32Array
  }

function prepare(name: CaseName): Timed {
  if (name === 'linear' || name === 'vector') {
    const [M, K, N] = products[name]
    const [x, w] = [tf.tensor2d(values(M * K, 1), [M, K]), tf.tensor2d(transposed(values(N * K, 2), [N, K]), [K, N])]
    return finished(() => tf.matMul(x, w))
  }
  if (name === 'transposed') {
    const [M, K, N] = products.transposed
    const [a, b] = [tf.tensor2d(values(K * M, 1), [K, M]), tf.tensor2d(values(K * N, 2), [K, N])]
    return finished(() => tf.matMul(a, b, true, false))
  }
  if (name === 'attention' || name === 'attentionGradient') return prepareAttention(name === 'attentionGradient')
  return prepareDecoder(name)
}

export function prepareAttention(withGradient: boolean, shape = attentionShape): Timed {
  const { batch, tokens, heads, headSize } = shape
  const [q, k, v] = attentionInputs('heads first', shape).map((data) => tf.tensor3d(data, [batch * heads, tokens, headSize])) as [
    tf.Tensor3D,
    tf.Tensor3D,
    tf.Tensor3D,
  ]
  const forward = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
    tf.matMul(tf.softmax(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(headSize))), v)
  if (!withGradient) return finished(() => forward(q, k, v))
  const gradients = tf.grads((q, k, v) => tf.sum(forward(q, k, v)))
  return finished(() => gradients([q, k, v])[0]!)
}

function prepareDecoder(name: 'forward' | 'step'): Timed {
  const { width, heads, layers, vocabulary, batch, tokens } = referenceShape
  const E = width / heads
  const rows = batch * tokens
  const asLayersHoldIt = (name: string, t: tf.Tensor) => (t.rank === 2 && name !== 'embedding' ? tf.transpose(t) : t)
  const p = Object.fromEntries(
    Object.entries(decoderWeights(referenceShape)).map(([name, { data, shape }]) => [
      name,
      tf.variable(asLayersHoldIt(name, tf.tensor(data, shape))),
    ]),
  )
  const { ids, targets } = decoderTokens(referenceShape)
  const [idTensor, targetTensor] = [tf.tensor1d(ids, 'int32'), tf.tensor1d(targets, 'int32')]
  const angles = tf.tidy(() => tf.outerProduct(tf.range(0, tokens), tf.pow(ropeTheta, tf.div(tf.range(0, E / 2), -E / 2))))
  const [cos, sin] = [tf.cos(angles), tf.sin(angles)].map((half) => tf.concat([half, half], 1)) as [tf.Tensor2D, tf.Tensor2D]
  const mask = tf.tidy(() => tf.mul(tf.sub(1, tf.linalg.bandPart(tf.ones([tokens, tokens]), -1, 0)), -1e9))

  const norm = (x: tf.Tensor, weight: tf.Tensor) =>
    tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), normEps))), weight)
  const linear = (x: tf.Tensor, weight: tf.Tensor) => tf.matMul(x as tf.Tensor2D, weight as tf.Tensor2D)
  const split = (x: tf.Tensor) => tf.transpose(tf.reshape(x, [batch, tokens, heads, E]), [0, 2, 1, 3])
  const rotate = (x: tf.Tensor) => {
    const [a, b] = tf.split(x, 2, -1) as [tf.Tensor<tf.Rank>, tf.Tensor<tf.Rank>]
    return tf.add(tf.mul(x, cos), tf.mul(tf.concat([tf.neg(b), a], -1), sin))
  }
  const forward = (): tf.Tensor => {
    // Its wasm backend has no gradient of gather: to train, a product with one-hot rows takes its place.
    const oneHot = () => tf.cast(tf.oneHot(idTensor, vocabulary), 'float32') as tf.Tensor2D
    let x: tf.Tensor = name === 'forward' ? tf.gather(p.embedding!, idTensor) : tf.matMul(oneHot(), p.embedding as tf.Tensor2D)
    for (let layer = 0; layer < layers; layer++) {
      const w = (name: string) => p[`${layer}.${name}`]
      const normed = norm(x, w('attentionNorm')!)
      const [q, k, v] = ['q', 'k', 'v'].map((name) => split(linear(normed, w(name)!))) as [
        tf.Tensor<tf.Rank>,
        tf.Tensor<tf.Rank>,
        tf.Tensor<tf.Rank>,
      ]
      const scores = tf.add(tf.mul(tf.matMul(rotate(q), rotate(k), false, true), 1 / Math.sqrt(E)), mask)
      const heads = tf.transpose(tf.matMul(tf.softmax(scores), v), [0, 2, 1, 3])
      x = tf.add(x, linear(tf.reshape(heads, [rows, width]), w('o')!))
      const inner = norm(x, w('ffnNorm')!)
      const gate = linear(inner, w('gate')!)
      x = tf.add(x, linear(tf.mul(tf.mul(gate, tf.sigmoid(gate)), linear(inner, w('up')!)), w('down')!))
    }
    return linear(norm(x, p.finalNorm!), tf.transpose(p.embedding!))
  }
  if (name === 'forward') return finished(forward)

  const loss = () =>
    tf.neg(tf.mean(tf.sum(tf.mul(tf.oneHot(targetTensor, vocabulary), tf.logSoftmax(forward())), -1))) as tf.Scalar
  const optimizer = tf.train.adam(adamw.learningRate, adamw.beta1, adamw.beta2, adamw.eps)
  return async () => {
    const value = optimizer.minimize(loss, true)!
    const [number] = await value.data()
    value.dispose()
    return number!
  }
}
