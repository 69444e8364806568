/**
 * Reverse-mode differentiation over whole operators.
 *
 * tfjs's own tape keeps every intermediate and every partial gradient until the end of the pass. This one frees both during
 * the backward pass: once a node's gradient has been computed, nothing later reads that node's outputs.
 */
import { ArgumentError, StateError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import { compressedForm } from './compressed.ts'
import type { Tensor } from './tensor.ts'

/**
 * Gradients of a node's outputs -> gradients of its inputs.
 * `dys[i]` is undefined where an output did not reach the loss; `needs[i]` is true if the gradient of input i is needed,
 * so a frozen weight costs nothing. Return undefined for gradients not needed. The returned tensors
 * must be new and distinct: pass a gradient through with `share(dy)`, which shares its memory. The tape owns and frees them.
 */
export type Backward = (dys: (Tensor | undefined)[], needs: boolean[]) => (Tensor | undefined)[]

interface Node {
  inputs: (Tensor | undefined)[]
  outputs: Tensor[]
  backward: Backward
}

class Tape {
  readonly nodes: Node[] = []
  readonly active: Set<number>
  constructor(parameters: Tensor[]) {
    this.active = new Set(parameters.map((p) => p.id))
  }
}

let tape: Tape | undefined

/**
 * Record on the tape how to differentiate what was just computed, for an operator of your own. Costs nothing when no gradient is being computed.
 * @param inputs tensors of any shape; undefined for an optional one that was not given
 * @param outputs what was computed from them
 * @param backward gradients of the outputs -> gradients of the inputs
 */
export function record(inputs: (Tensor | undefined)[], outputs: Tensor[], backward: Backward): void {
  if (!tape || !inputs.some((t) => t && tape!.active.has(t.id))) return
  for (const out of outputs) tape.active.add(out.id)
  tape.nodes.push({ inputs, outputs, backward })
}

/** True while a gradient is being computed: the backward pass may read what is computed now. */
export function isRecording(): boolean {
  return tape !== undefined
}

/** Another tensor over the same memory, of the same shape (any shape), freed on its own; this is how a `Backward` passes a gradient through unchanged. */
export function share(t: Tensor): Tensor {
  return tf.reshape(t, t.shape)
}

/** Run `f` without recording for gradients, and return what it returns. */
export function noGrad<T>(f: () => T): T {
  const outer = tape
  tape = undefined
  try {
    return f()
  } finally {
    tape = outer
  }
}

export interface ValueAndGradients {
  /** The scalar that `f` returned. The caller disposes it. */
  value: Tensor
  /** One gradient per parameter, of the parameter's shape; zeros where the loss does not depend on it. The caller disposes them. */
  gradients: Tensor[]
}

/**
 * The value of a scalar function and its gradients with respect to `parameters`.
 * Everything else that `f` allocates is freed before this returns. Not re-entrant: `f` may not call it again.
 * @param seed gradient of the value itself: 1 by default; another number weights the loss, as in gradient accumulation.
 * @throws ArgumentError if a parameter is a compressed weight, which is read-only.
 */
export function valueAndGradients(f: () => Tensor, parameters: Tensor[], seed = 1): ValueAndGradients {
  if (tape) throw new StateError('valueAndGradients: already inside another valueAndGradients')
  for (const parameter of parameters) {
    const form = compressedForm(parameter)
    if (form) {
      throw new ArgumentError(
        `valueAndGradients: a ${form.kind} weight [${form.shape}] is compressed and cannot be trained: load it as float32, or freeze it`,
      )
    }
  }
  const results: Tensor[] = []
  tf.engine().startScope('valueAndGradients')
  try {
    tape = new Tape(parameters)
    const value = f()
    if (value.size !== 1)
      throw new ArgumentError(`valueAndGradients: the function must return a scalar, got shape [${value.shape}]`)
    const { nodes, active } = tape
    tape = undefined
    const gradients = walkBack(nodes, active, value, parameters, seed)
    results.push(value, ...gradients)
    return { value, gradients }
  } finally {
    tape = undefined
    tf.engine().endScope(results)
  }
}

function walkBack(nodes: Node[], active: Set<number>, value: Tensor, parameters: Tensor[], seed: number): Tensor[] {
  const wanted = new Set(parameters.map((p) => p.id))
  const gradients = new Map<number, Tensor>([[value.id, tf.fill(value.shape, seed)]])
  while (nodes.length > 0) {
    const node = nodes.pop()!
    const dys = node.outputs.map((out) => gradients.get(out.id))
    if (dys.some((dy) => dy !== undefined)) {
      const needs = node.inputs.map((t) => t !== undefined && active.has(t.id))
      const dxs = node.backward(dys, needs)
      node.inputs.forEach((input, i) => {
        const dx = dxs[i]
        if (!input || !needs[i]) return dx?.dispose()
        if (!dx) return
        if (dx.size !== input.size)
          throw new ArgumentError(`gradient of shape [${dx.shape}] for an input of shape [${input.shape}]`)
        const before = gradients.get(input.id)
        gradients.set(input.id, before ? sumOf(before, dx) : dx)
      })
      for (const dy of dys) dy?.dispose()
    }
    for (const out of node.outputs) {
      gradients.delete(out.id)
      if (out !== value && !wanted.has(out.id) && !out.kept) out.dispose()
    }
  }
  return parameters.map((p) => {
    const gradient = gradients.get(p.id)
    return gradient ? tf.reshape(gradient, p.shape) : tf.zeros(p.shape)
  })
}

/** a + b in a's shape; frees both. */
function sumOf(a: Tensor, b: Tensor): Tensor {
  const reshaped = tf.reshape(b, a.shape)
  const sum = tf.add(a, reshaped)
  tf.dispose([a, b, reshaped])
  return sum
}
