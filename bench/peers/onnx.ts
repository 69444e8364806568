/** onnxruntime-web's wasm. Weights are initializers, [in, out], so that it may pack them beforehand. It does not train. */
import * as ort from 'onnxruntime-web'
import { decoderTokens, decoderWeights, referenceShape } from '../decoder/decoder-shape.ts'
import { OnnxGraph } from './onnx-model.ts'
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

export async function createPeer(threads: number): Promise<Peer> {
  ort.env.wasm.numThreads = threads
  const setting = `wasm, ${threads} thread${threads > 1 ? 's' : ''}, simd`
  return { name: 'onnxruntime-web', version: ort.env.versions.web ?? '', setting, prepare }
}

type Inputs = Record<string, { data: Float32Array; shape: number[] }>

async function timed(graph: OnnxGraph, output: string, shape: number[], inputs: Inputs): Promise<Timed> {
  const session = await ort.InferenceSession.create(graph.finish(output, shape), { executionProviders: ['wasm'] })
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { data, shape }]) => [name, new ort.Tensor('float32', data, shape)]),
  )
  return async () => {
    const [result] = Object.values(await session.run(feeds)) as [ort.Tensor]
    const data = result.data as Float32Array
    result.dispose()
    return data
  }
}

function prepare(name: CaseName): Promise<Timed> | string {
  const graph = new OnnxGraph()
  if (name === 'linear' || name === 'vector') {
    const [M, K, N] = products[name]
    const [y] = graph.node('MatMul', [
      graph.input('x', [M, K]),
      graph.constant(transposed(values(N * K, 2), [N, K]), [K, N]),
    ]) as [string]
    return timed(graph, y, [M, N], { x: { data: values(M * K, 1), shape: [M, K] } })
  }
  if (name === 'transposed') {
    const [M, K, N] = products.transposed
    const [left] = graph.node('Transpose', [graph.input('a', [K, M])], { perm: [1, 0] }) as [string]
    const [c] = graph.node('MatMul', [left, graph.input('b', [K, N])]) as [string]
    return timed(graph, c, [M, N], { a: { data: values(K * M, 1), shape: [K, M] }, b: { data: values(K * N, 2), shape: [K, N] } })
  }
  if (name === 'attention') {
    const { batch, tokens, heads, headSize } = attentionShape
    const shape = [batch, heads, tokens, headSize]
    const [q, k, v] = ['q', 'k', 'v'].map((input) => graph.input(input, shape)) as [string, string, string]
    const o = attend(graph, q, k, v, headSize)
    const [qs, ks, vs] = attentionInputs('heads first').map((data) => ({ data, shape })) as [
      Inputs[string],
      Inputs[string],
      Inputs[string],
    ]
    return timed(graph, o, shape, { q: qs, k: ks, v: vs })
  }
  return name === 'forward' ? decoderForward(graph) : 'onnxruntime-web takes no gradients'
}

function attend(graph: OnnxGraph, q: string, k: string, v: string, headSize: number, mask?: string): string {
  const [transposed] = graph.node('Transpose', [k], { perm: [0, 1, 3, 2] }) as [string]
  const [scores] = graph.node('Mul', [graph.node('MatMul', [q, transposed])[0]!, graph.scalar(1 / Math.sqrt(headSize))]) as [
    string,
  ]
  const [masked] = mask ? graph.node('Add', [scores, mask]) : [scores]
  return graph.node('MatMul', [graph.node('Softmax', [masked!], { axis: -1 })[0]!, v])[0]!
}

function decoderForward(graph: OnnxGraph): Promise<Timed> {
  const { width, heads, layers, vocabulary, batch, tokens } = referenceShape
  const [E, rows] = [width / heads, batch * tokens]
  const weights = decoderWeights(referenceShape)
  const one = (operator: string, ...inputs: string[]) => graph.node(operator, inputs)[0]
  const angle = (at: number) => Math.floor(at / E) * ropeTheta ** (-(at % (E / 2)) / (E / 2))
  const table = (f: (angle: number) => number) =>
    graph.constant(
      Float32Array.from({ length: tokens * E }, (_, at) => f(angle(at))),
      [tokens, E],
    )
  const [cos, sin] = [table(Math.cos), table(Math.sin)]
  const hidden = Float32Array.from({ length: tokens * tokens }, (_, at) => (at % tokens > Math.floor(at / tokens) ? -1e9 : 0))
  const mask = graph.constant(hidden, [tokens, tokens])
  const two = graph.scalar(2)
  const eps = graph.scalar(normEps)
  const vectorOf = (name: string) => graph.constant(weights[name]!.data, weights[name]!.shape)
  const norm = (x: string, name: string) => {
    const [mean] = graph.node('ReduceMean', [one('Pow', x, two)!], { axes: [-1] }) as [string]
    return one('Mul', one('Div', x, one('Sqrt', one('Add', mean, eps)!)!)!, vectorOf(name))
  }
  const linear = (x: string, name: string) => {
    const { data, shape } = weights[name]!
    return one('MatMul', x, graph.constant(transposed(data, shape), shape.toReversed()))
  }
  const split = (x: string) =>
    graph.node('Transpose', [one('Reshape', x, graph.integers(batch, tokens, heads, E))!], { perm: [0, 2, 1, 3] })[0]!
  const rotate = (x: string) => {
    const [a, b] = graph.node('Split', [x, graph.integers(E / 2, E / 2)], { axis: -1 }, 2) as [string, string]
    const [turned] = graph.node('Concat', [one('Neg', b)!, a], { axis: -1 }) as [string]
    return one('Add', one('Mul', x, cos)!, one('Mul', turned, sin)!)
  }

  const ids = graph.integers(...decoderTokens(referenceShape).ids)
  // An input, so that nothing is folded away when the graph is loaded.
  let x = one('Gather', graph.input('embedding', [vocabulary, width]), ids)
  for (let layer = 0; layer < layers; layer++) {
    const w = (name: string) => `${layer}.${name}`
    const normed = norm(x!, w('attentionNorm'))
    const [q, k, v] = ['q', 'k', 'v'].map((name) => split(linear(normed!, w(name))!)) as [string, string, string]
    const [o] = graph.node('Transpose', [attend(graph, rotate(q)!, rotate(k)!, v, E, mask)], { perm: [0, 2, 1, 3] }) as [string]
    x = one('Add', x!, linear(one('Reshape', o, graph.integers(rows, width))!, w('o'))!)
    const inner = norm(x!, w('ffnNorm'))
    const gate = linear(inner!, w('gate'))
    x = one('Add', x!, linear(one('Mul', one('Mul', gate!, one('Sigmoid', gate!)!)!, linear(inner!, w('up'))!)!, w('down'))!)
  }
  const logits = linear(norm(x!, 'finalNorm')!, 'embedding')
  return timed(graph, logits!, [rows, vocabulary], { embedding: weights.embedding! })
}
