/** Greedy decoding on the reference decoder's weights, with keys and values kept at a fixed capacity and written in place. */
import {
  addRmsNorm,
  attention,
  dispose,
  embedding,
  keep,
  linear,
  reshape,
  rmsNorm,
  rope,
  ropeTable,
  scope,
  swiglu,
  tensor,
  writeRows,
  zeros,
  type Tensor,
} from '@casa-js/tensor'
import { decoderWeights, type DecoderShape } from './decoder-shape.ts'

const eps = 1e-5
const layout = { layout: 'half' } as const

export class CachedDecoder {
  readonly parameters: Record<string, Tensor>
  private readonly keys: Tensor[]
  private readonly values: Tensor[]
  private readonly shape: DecoderShape
  private length = 0

  constructor(shape: DecoderShape, capacityTokens: number) {
    const { width, heads, layers } = shape
    this.shape = shape
    const weights = Object.entries(decoderWeights(shape))
    this.parameters = Object.fromEntries(weights.map(([name, { data, shape }]) => [name, keep(tensor(data, shape))]))
    const allocate = () => Array.from({ length: layers }, () => keep(zeros([capacityTokens, heads, width / heads])))
    this.keys = allocate()
    this.values = allocate()
  }

  /** Take in tokens after those seen so far; logits of each, [T,V]. The caller disposes them. */
  next(ids: Int32Array): Tensor {
    const { width, heads, layers } = this.shape
    const headSize = width / heads
    const p = this.parameters
    const T = ids.length
    const begin = this.length
    this.length += T
    const boundaries = { cuQ: Int32Array.of(0, T), cuK: Int32Array.of(0, begin + T), causal: true }
    const split = (t: Tensor) => reshape(t, [T, heads, headSize])
    return scope(() => {
      const table = ropeTable(
        Int32Array.from({ length: T }, (_, t) => begin + t),
        { headSize, theta: 10_000 },
      )
      let x = embedding(p.embedding!, ids)
      let normed = rmsNorm(x, p['0.attentionNorm']!, { eps })
      for (let layer = 0; layer < layers; layer++) {
        const w = (name: string) => p[`${layer}.${name}`]
        writeRows(this.keys[layer]!, rope(split(linear(normed, w('k')!)), table, layout), begin)
        writeRows(this.values[layer]!, split(linear(normed, w('v')!)), begin)
        const q = rope(split(linear(normed, w('q')!)), table, layout)
        const o = attention(q, this.keys[layer]!, this.values[layer]!, boundaries)
        const afterAttention = addRmsNorm(x, linear(reshape(o, [T, width]), w('o')!), w('ffnNorm')!, { eps })
        const ffn = linear(swiglu(linear(afterAttention.normed, w('gate')!), linear(afterAttention.normed, w('up')!)), w('down')!)
        const next = layer + 1 < layers ? p[`${layer + 1}.attentionNorm`]! : p.finalNorm!
        ;({ sum: x, normed } = addRmsNorm(afterAttention.sum, ffn, next, { eps }))
      }
      return linear(normed, p.embedding!)
    })
  }

  dispose(): void {
    dispose(...Object.values(this.parameters), ...this.keys, ...this.values)
  }
}
