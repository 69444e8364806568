/**
 * A small decoder straight from the operators: what the leak checks and the benches train and decode with.
 *
 * Pre-norm blocks of rotary attention and SwiGLU, embeddings tied to the head. Parameters of layer i are named `${i}.norm` etc.
 */
import { dispose, keep, scope } from '../engine/scope.ts'
import { valueAndGradients } from '../engine/tape.ts'
import type { Tensor } from '../engine/tensor.ts'
import { adamwStep } from '../ops/adamw/index.ts'
import { argmax } from '../ops/argmax/index.ts'
import { attention } from '../ops/attention/index.ts'
import { tensor, zeros } from '../ops/create/index.ts'
import { linearCrossEntropy } from '../ops/cross-entropy/linear.ts'
import { add } from '../ops/elementwise/index.ts'
import { gatherRows } from '../ops/gather-rows/index.ts'
import { linear } from '../ops/linear/index.ts'
import { addRmsNorm, rmsNorm } from '../ops/rms-norm/index.ts'
import { rope, ropeTable } from '../ops/rope/index.ts'
import { reshape } from '../ops/shape/index.ts'
import { swiglu } from '../ops/swiglu/index.ts'
import { writeRows } from '../ops/write-rows/index.ts'
import { randomValues } from './random.ts'

export interface DecoderShape {
  layers: number
  /** D */
  width: number
  /** H */
  heads: number
  /** Width of the feed-forward half. */
  hidden: number
  /** V */
  vocabulary: number
}

type Parameters = Record<string, Tensor>

/** Random parameters, kept: dispose them. Matrices have deviation 1 / sqrt(inputs). */
export function createDecoder({ layers, width, hidden, vocabulary }: DecoderShape, seed = 1): Parameters {
  const parameters: Parameters = {}
  const matrix = (name: string, outputs: number, inputs: number) => {
    const values = randomValues(outputs * inputs, seed++).map((value) => value / Math.sqrt(inputs))
    parameters[name] = keep(tensor(values, [outputs, inputs]))
  }
  const norm = (name: string) => (parameters[name] = keep(tensor(new Float32Array(width).fill(1), [width])))
  matrix('embed', vocabulary, width)
  for (let i = 0; i < layers; i++) {
    for (const name of ['query', 'key', 'value', 'output']) matrix(`${i}.${name}`, width, width)
    for (const name of ['gate', 'up']) matrix(`${i}.${name}`, hidden, width)
    matrix(`${i}.down`, width, hidden)
    norm(`${i}.attentionNorm`)
    norm(`${i}.norm`)
  }
  norm('norm')
  return parameters
}

const eps = 1e-6

interface Cached {
  keys: Tensor[]
  values: Tensor[]
  /** Tokens already there. */
  length: number
}

/** ids [T] in samples marked by `cu` -> what the head reads, [T,D]. With a cache: one sample, continued. */
export function forward(p: Parameters, shape: DecoderShape, ids: Int32Array, cu: Int32Array, cache?: Cached): Tensor {
  const { layers, width, heads } = shape
  const headSize = width / heads
  const begin = cache?.length ?? 0
  const starts = Array.from(cu.subarray(0, -1), (from, s) => new Int32Array(cu[s + 1] - from).fill(from))
  const positions = Int32Array.from(starts.flatMap((each) => Array.from(each)), (from, t) => begin + t - from)
  const table = ropeTable(positions, { headSize, theta: 10_000 })
  const split = (x: Tensor) => reshape(x, [ids.length, heads, headSize])
  const cuK = cache ? Int32Array.of(0, begin + ids.length) : cu

  let x = gatherRows(p.embed, ids)
  for (let i = 0; i < layers; i++) {
    const normed = rmsNorm(x, p[`${i}.attentionNorm`], { eps })
    const q = rope(split(linear(normed, p[`${i}.query`])), table, { layout: 'half' })
    let k = rope(split(linear(normed, p[`${i}.key`])), table, { layout: 'half' })
    let v = split(linear(normed, p[`${i}.value`]))
    if (cache) {
      writeRows(cache.keys[i], k, begin)
      writeRows(cache.values[i], v, begin)
      k = cache.keys[i]
      v = cache.values[i]
    }
    const attended = reshape(attention(q, k, v, { cuQ: cu, cuK, causal: true }), [ids.length, width])
    const block = addRmsNorm(x, linear(attended, p[`${i}.output`]), p[`${i}.norm`], { eps })
    const gated = swiglu(linear(block.normed, p[`${i}.gate`]), linear(block.normed, p[`${i}.up`]))
    x = add(block.sum, linear(gated, p[`${i}.down`]))
  }
  return rmsNorm(x, p.norm, { eps })
}

export interface Batch {
  ids: Int32Array
  targets: Int32Array
  weights: Float32Array
  cu: Int32Array
}

/** Random samples of one length, every token counted. */
export function randomBatch(samples: number, length: number, vocabulary: number, seed = 1): Batch {
  const draw = (s: number) => Int32Array.from(randomValues(samples * length, s), (value) => (Math.abs(value) / 2) * vocabulary)
  const cu = Int32Array.from({ length: samples + 1 }, (_, i) => i * length)
  return { ids: draw(seed), targets: draw(seed + 1), weights: new Float32Array(samples * length).fill(1), cu }
}

/** Mean loss of a batch -> scalar. */
export function lossOf(p: Parameters, shape: DecoderShape, { ids, targets, weights, cu }: Batch): Tensor {
  return linearCrossEntropy(forward(p, shape, ids, cu), p.embed, targets, weights)
}

export interface Trainer {
  /** Forward, backward, AdamW. Returns the loss before the step; the caller disposes it. */
  step(batch: Batch): Tensor
  dispose(): void
}

/** AdamW on all parameters. */
export function createTrainer(parameters: Parameters, shape: DecoderShape, learningRate = 1e-3): Trainer {
  const all = Object.values(parameters)
  const moments = all.map((p) => ({ firstMoment: keep(zeros(p.shape)), secondMoment: keep(zeros(p.shape)) }))
  const settings = { learningRate, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.01, gradientScale: 1 }
  let step = 0
  return {
    step(batch) {
      const { value, gradients } = valueAndGradients(() => lossOf(parameters, shape, batch), all)
      step++
      all.forEach((parameter, i) => adamwStep({ parameter, ...moments[i], gradient: gradients[i] }, { ...settings, step }))
      dispose(...gradients)
      return value
    },
    dispose: () => moments.forEach(({ firstMoment, secondMoment }) => dispose(firstMoment, secondMoment)),
  }
}

export interface Decoding {
  /** Take in one token and return the likeliest next one. */
  next(id: number): Promise<number>
  dispose(): void
}

/** Greedy decoding with a cache of fixed capacity. */
export function createDecoding(parameters: Parameters, shape: DecoderShape, capacity: number): Decoding {
  const form = [capacity, shape.heads, shape.width / shape.heads]
  const allocate = () => Array.from({ length: shape.layers }, () => keep(zeros(form)))
  const cache: Cached = { keys: allocate(), values: allocate(), length: 0 }
  return {
    async next(id) {
      const choice = scope(() => {
        const hidden = forward(parameters, shape, Int32Array.of(id), Int32Array.of(0, 1), cache)
        return argmax(linear(hidden, parameters.embed))
      })
      cache.length++
      const [next] = await choice.data()
      choice.dispose()
      return next
    },
    dispose: () => dispose(...cache.keys, ...cache.values),
  }
}
