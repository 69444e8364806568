/**
 * The decoder that speed is measured on: width 256, 4 heads of 64, gated FFN 1024, 4 layers, vocabulary 512, tied head; batch
 * 8 x 128 tokens, packed. 4.3 M parameters. Peers compute the same from the same numbers, so that losses can be compared.
 */
import {
  addRmsNorm,
  adamwStep,
  attention,
  dispose,
  embedding,
  keep,
  linear,
  linearCrossEntropy,
  reshape,
  rmsNorm,
  rope,
  ropeTable,
  scope,
  swiglu,
  tensor,
  valueAndGradients,
  zeros,
  type Tensor,
} from '@casa-js/tensor'
import { adamw, decoderWeights, type DecoderShape } from './decoder-shape.ts'

const eps = 1e-5
const layout = { layout: 'half' } as const

export class ReferenceDecoder {
  readonly parameters: Record<string, Tensor>
  private readonly moments: Record<string, { first: Tensor; second: Tensor }> = {}
  private readonly table: { cos: Tensor; sin: Tensor }
  private readonly cu: Int32Array
  private readonly shape: DecoderShape
  private step = 0

  constructor(shape: DecoderShape) {
    this.shape = shape
    const weights = Object.entries(decoderWeights(shape))
    this.parameters = Object.fromEntries(weights.map(([name, { data, shape }]) => [name, keep(tensor(data, shape))]))
    const positions = Int32Array.from({ length: shape.batch * shape.tokens }, (_, t) => t % shape.tokens)
    this.table = ropeTable(positions, { headSize: shape.width / shape.heads, theta: 10_000 })
    keep(this.table.cos)
    keep(this.table.sin)
    this.cu = Int32Array.from({ length: shape.batch + 1 }, (_, b) => b * shape.tokens)
  }

  /** ids [T] -> finished rows [T,D]. */
  hidden(ids: Int32Array): Tensor {
    const { width, heads, layers } = this.shape
    const p = this.parameters
    const T = ids.length
    const split = (t: Tensor) => reshape(t, [T, heads, width / heads])
    let x = embedding(p.embedding!, ids)
    let normed = rmsNorm(x, p['0.attentionNorm']!, { eps })
    for (let layer = 0; layer < layers; layer++) {
      const w = (name: string) => p[`${layer}.${name}`]
      const q = rope(split(linear(normed, w('q')!)), this.table, layout)
      const k = rope(split(linear(normed, w('k')!)), this.table, layout)
      const o = attention(q, k, split(linear(normed, w('v')!)), { cuQ: this.cu, cuK: this.cu, causal: true })
      const afterAttention = addRmsNorm(x, linear(reshape(o, [T, width]), w('o')!), w('ffnNorm')!, { eps })
      const ffn = linear(swiglu(linear(afterAttention.normed, w('gate')!), linear(afterAttention.normed, w('up')!)), w('down')!)
      const next = layer + 1 < layers ? p[`${layer + 1}.attentionNorm`]! : p.finalNorm!
      ;({ sum: x, normed } = addRmsNorm(afterAttention.sum, ffn, next, { eps }))
    }
    return normed
  }

  /** ids [T] -> logits [T,V]. The caller disposes them. */
  forward(ids: Int32Array): Tensor {
    return scope(() => linear(this.hidden(ids), this.parameters.embedding!))
  }

  /** One AdamW step; returns the loss before it, a scalar that the caller disposes. */
  train(ids: Int32Array, targets: Int32Array): Tensor {
    this.step++
    const names = Object.keys(this.parameters)
    const weights = new Float32Array(ids.length).fill(1)
    const loss = () => linearCrossEntropy(this.hidden(ids), this.parameters.embedding!, targets, weights)
    const { value, gradients } = valueAndGradients(loss, Object.values(this.parameters))
    names.forEach((name, i) => {
      const parameter = this.parameters[name]!
      this.moments[name] ??= { first: keep(zeros(parameter.shape)), second: keep(zeros(parameter.shape)) }
      const { first, second } = this.moments[name]
      const settings = { ...adamw, step: this.step, gradientScale: 1 }
      adamwStep({ parameter, firstMoment: first, secondMoment: second, gradient: gradients[i]! }, settings)
      dispose(gradients[i])
    })
    return value
  }

  dispose(): void {
    dispose(...Object.values(this.parameters), this.table.cos, this.table.sin)
    for (const { first, second } of Object.values(this.moments)) dispose(first, second)
  }
}
