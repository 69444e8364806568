/** jax-js on its wasm backend, traced and compiled with jit. Its functions consume their arguments: `.ref` keeps one for later. */
import { blockUntilReady, defaultDevice, grad, init, jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax'
import { adamw, decoderTokens, decoderWeights, referenceShape } from '../decoder/decoder-shape.ts'
import {
  attentionInputs,
  attentionShape,
  normEps,
  products,
  ropeTheta,
  values,
  type CaseName,
  type Peer,
  type Timed,
} from './peer.ts'

type Array = ReturnType<typeof np.array>
type Parameters = Record<string, Array>

export async function createPeer(): Promise<Peer> {
  await init('wasm')
  defaultDevice('wasm')
  return { name: 'jax-js', version: '0.1.25', setting: 'wasm, threads as it chooses', prepare }
}

const array = (data: Float32Array | Int32Array, shape: number[]): Array => np.array(data).reshape(shape)
const finished =
  (f: () => Array): Timed =>
  async () => {
    // Reading consumes it too.
    return (await f().data()) as Float32Array
  }
const linear = (x: Array, weight: Array) => np.matmul(x, weight.transpose())

function attend(q: Array, k: Array, v: Array, mask?: Array): Array {
  const scores = np.matmul(q, k.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(attentionShape.headSize))
  return np.matmul(nn.softmax(mask ? scores.add(mask) : scores, -1), v)
}

function prepare(name: CaseName): Timed {
  if (name === 'linear' || name === 'vector') {
    const [M, K, N] = products[name]
    const [x, w] = [array(values(M * K, 1), [M, K]), array(values(N * K, 2), [N, K])]
    const product = jit(linear)
    return finished(() => product(x.ref, w.ref))
  }
  if (name === 'transposed') {
    const [M, K, N] = products.transposed
    const [a, b] = [array(values(K * M, 1), [K, M]), array(values(K * N, 2), [K, N])]
    const product = jit((a: Array, b: Array) => np.matmul(a.transpose(), b))
    return finished(() => product(a.ref, b.ref))
  }
  if (name === 'attention' || name === 'attentionGradient') {
    const { batch, tokens, heads, headSize } = attentionShape
    const [q, k, v] = attentionInputs('heads first').map((data) => array(data, [batch, heads, tokens, headSize])) as [
      Array,
      Array,
      Array,
    ]
    const forward = jit((q: Array, k: Array, v: Array) => attend(q, k, v))
    if (name === 'attention') return finished(() => forward(q.ref, k.ref, v.ref))
    const gradients = jit(grad(({ q, k, v }: Parameters) => attend(q!, k!, v!).sum()))
    return async () => {
      const found = await blockUntilReady(gradients({ q: q.ref, k: k.ref, v: v.ref }))
      for (const name of ['k', 'v']) found[name]!.dispose()
      return (await found.q!.data()) as Float32Array
    }
  }
  return prepareDecoder(name)
}

function prepareDecoder(name: 'forward' | 'step'): Timed {
  const { width, heads, layers, vocabulary, batch, tokens } = referenceShape
  const E = width / heads
  const rows = batch * tokens
  const weights = Object.entries(decoderWeights(referenceShape))
  let parameters: Parameters = Object.fromEntries(weights.map(([name, { data, shape }]) => [name, array(data, shape)]))
  const { ids, targets } = decoderTokens(referenceShape)
  const constants = { ids: np.array(ids), targets: nn.oneHot(np.array(targets), vocabulary), ...rotaryAndMask(tokens, E) }

  const norm = (x: Array, weight: Array) =>
    x.ref.div(np.sqrt(np.mean(np.square(x), -1, { keepdims: true }).add(normEps))).mul(weight)
  const split = (x: Array) => x.reshape([batch, tokens, heads, E]).transpose([0, 2, 1, 3])
  const forward = (p: Parameters, { ids, cos, sin, mask }: Parameters): Array => {
    const rotate = (x: Array) => {
      const [a, b] = np.split(x.ref, 2, -1) as [Array, Array]
      return x.mul(cos!.ref).add(np.concatenate([b.neg(), a], -1).mul(sin!.ref))
    }
    let x = np.take(p.embedding!.ref, ids!.ref, 0)
    for (let layer = 0; layer < layers; layer++) {
      const w = (name: string) => p[`${layer}.${name}`]!.ref
      const normed = norm(x.ref, w('attentionNorm'))
      const [q, k, v] = ['q', 'k', 'v'].map((name) => split(linear(normed.ref, w(name)))) as [Array, Array, Array]
      normed.dispose()
      const o = attend(rotate(q), rotate(k), v, mask!.ref).transpose([0, 2, 1, 3]).reshape([rows, width])
      x = x.add(linear(o, w('o')))
      const inner = norm(x.ref, w('ffnNorm'))
      x = x.add(linear(nn.silu(linear(inner.ref, w('gate'))).mul(linear(inner, w('up'))), w('down')))
    }
    return linear(norm(x, p.finalNorm!.ref), p.embedding!.ref)
  }
  const own = (tree: Parameters): Parameters => Object.fromEntries(Object.entries(tree).map(([name, t]) => [name, t.ref]))
  if (name === 'forward') {
    const compiled = jit(forward)
    return finished(() => compiled(own(parameters), own(constants)))
  }

  const loss = (p: Parameters, c: Parameters) =>
    nn
      .logSoftmax(forward(p, c), -1)
      .mul(c.targets!.ref)
      .sum()
      .mul(-1 / rows)
  const gradients = jit(valueAndGrad(loss))
  let [first, second] = [0, 1].map(() => Object.fromEntries(weights.map(([name, { shape }]) => [name, np.zeros(shape)]))) as [
    Parameters,
    Parameters,
  ]
  const { learningRate, beta1, beta2, eps, weightDecay } = adamw
  const update = jit((p: Array, m: Array, v: Array, g: Array, corrections: Array) => {
    const [c1, c2] = np.split(corrections, 2) as [Array, Array]
    m = m.mul(beta1).add(g.ref.mul(1 - beta1))
    v = v.mul(beta2).add(np.square(g).mul(1 - beta2))
    const root = np.sqrt(v.ref.mul(c2)).add(eps)
    return [p.mul(1 - learningRate * weightDecay).sub(m.ref.mul(c1).mul(learningRate).div(root)), m, v]
  })
  let step = 0
  return async () => {
    step++
    const [value, found] = gradients(own(parameters), own(constants))
    const corrections = np.array([1 / (1 - beta1 ** step), 1 / (1 - beta2 ** step)])
    const next = weights.map(
      ([name]) => [name, update(parameters[name]!, first[name]!, second[name]!, found[name]!, corrections.ref)] as const,
    )
    ;[parameters, first, second] = [0, 1, 2].map((i) => Object.fromEntries(next.map(([name, state]) => [name, state[i]!]))) as [
      Parameters,
      Parameters,
      Parameters,
    ]
    corrections.dispose()
    await blockUntilReady(parameters)
    return (await value.data())[0]
  }
}

function rotaryAndMask(tokens: number, E: number): Parameters {
  const angle = (at: number) => Math.floor(at / E) * ropeTheta ** (-(at % (E / 2)) / (E / 2))
  const table = (f: (x: number) => number) =>
    array(
      Float32Array.from({ length: tokens * E }, (_, at) => f(angle(at))),
      [tokens, E],
    )
  const hidden = Float32Array.from({ length: tokens * tokens }, (_, at) => (at % tokens > Math.floor(at / tokens) ? -1e9 : 0))
  return { cos: table(Math.cos), sin: table(Math.sin), mask: array(hidden, [tokens, tokens]) }
}
