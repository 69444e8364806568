/**
 * The backward pass over what tape.ts recorded.
 *
 * tfjs's own tape keeps every intermediate and every partial gradient until the end of the pass. This one frees both on its way: once a
 * node's gradient has been computed, nothing later reads that node's outputs, and a parameter's gradient is handed over once no node is
 * left that adds to it.
 */
import { ArgumentError, StateError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import { compressedForm } from './compressed.ts'
import { isDifferentiating, recordNodes, type Node, type Operation, type Replay } from './tape.ts'
import type { Tensor } from './tensor.ts'

export interface ValueAndGradients {
  /** The scalar that `f` returned. The caller disposes it. */
  value: Tensor
  /** One gradient per parameter, of the parameter's shape; zeros where the loss does not depend on it. The caller disposes them. */
  gradients: Tensor[]
}

export interface StreamOptions {
  /** Gradient of the value itself: 1 by default; another number weights the loss, as in gradient accumulation. */
  seed?: number
  /** Run every `block` again in the backward pass instead of storing its intermediates: less memory, about one more forward pass. */
  recompute?: boolean
}

/**
 * The value of a scalar function and its gradients with respect to `parameters`.
 * Everything else that `f` allocates is freed before this returns. Not re-entrant: `f` may not call it again.
 * @param seed gradient of the value itself: 1 by default; another number weights the loss, as in gradient accumulation.
 * @throws ArgumentError if a parameter is a compressed weight, which is read-only.
 */
export function valueAndGradients(f: () => Tensor, parameters: Tensor[], seed = 1): ValueAndGradients {
  const gradients: Tensor[] = []
  const value = streamGradients(f, parameters, (i, gradient) => void (gradients[i] = gradient), { seed })
  return { value, gradients }
}

/**
 * Like `valueAndGradients`, but hands each gradient over as soon as it is complete, while the backward pass goes on: it can be sent to
 * other machines, or added up and freed, before the next one exists.
 * @param onGradient called once for each of `parameters`, in the order in which gradients become complete, with the parameter's index and a
 *   gradient of its shape, zeros where the loss does not depend on it. It owns the gradient and disposes it; other tensors that it makes
 *   are freed at the end unless it keeps them (`keep`).
 * @returns the scalar that `f` returned; the caller disposes it
 * @throws ArgumentError if a parameter is a compressed weight, which is read-only.
 */
export function streamGradients(
  f: () => Tensor,
  parameters: Tensor[],
  onGradient: (index: number, gradient: Tensor) => void,
  { seed = 1, recompute = false }: StreamOptions = {},
): Tensor {
  if (isDifferentiating()) throw new StateError('valueAndGradients: already inside another valueAndGradients')
  for (const parameter of parameters) {
    const form = compressedForm(parameter)
    if (form) {
      throw new ArgumentError(
        `valueAndGradients: a ${form.kind} weight [${form.shape}] is compressed and cannot be trained: load it as float32, or freeze it`,
      )
    }
  }
  const results: Tensor[] = []
  const handOver = (index: number, gradient: Tensor) => {
    results.push(gradient)
    onGradient(index, gradient)
  }
  tf.engine().startScope('valueAndGradients')
  let isDone = false
  try {
    const active = new Set(parameters.map((p) => p.id))
    const { output: value, nodes } = recordNodes(f, active, recompute)
    if (value.size !== 1)
      throw new ArgumentError(`valueAndGradients: the function must return a scalar, got shape [${value.shape}]`)
    new BackwardPass(active, value, parameters, handOver, results).run(nodes, seed)
    results.push(value)
    isDone = true
    return value
  } finally {
    tf.engine().endScope(isDone ? results : [])
  }
}

class BackwardPass {
  readonly #active: Set<number>
  readonly #value: Tensor
  readonly #handOver: (index: number, gradient: Tensor) => void
  /** Gradients that were handed over, which no scope may free. */
  readonly #handed: readonly Tensor[]
  /** Indices of a parameter, by tensor id, and how many nodes may still add to its gradient. */
  readonly #wanted = new Map<number, { tensor: Tensor; indices: number[]; uses: number }>()
  readonly #gradients = new Map<number, Tensor>()

  constructor(
    active: Set<number>,
    value: Tensor,
    parameters: Tensor[],
    handOver: (index: number, gradient: Tensor) => void,
    handed: readonly Tensor[],
  ) {
    this.#active = active
    this.#value = value
    this.#handOver = handOver
    this.#handed = handed
    parameters.forEach((tensor, i) => {
      const known = this.#wanted.get(tensor.id)
      if (known) known.indices.push(i)
      else this.#wanted.set(tensor.id, { tensor, indices: [i], uses: 0 })
    })
  }

  run(nodes: Node[], seed: number): void {
    this.#gradients.set(this.#value.id, tf.fill(this.#value.shape, seed))
    this.#count(nodes)
    for (const [id, { uses }] of this.#wanted) if (uses === 0) this.#finish(id)
    this.#walk(nodes)
  }

  #walk(nodes: Node[]): void {
    while (nodes.length > 0) {
      const node = nodes.pop()!
      const dys = node.outputs.map((out) => this.#gradients.get(out.id))
      if (dys.some((dy) => dy !== undefined)) {
        if ('run' in node) this.#replay(node)
        else this.#apply(node, dys)
      }
      for (const out of node.outputs) {
        this.#gradients.delete(out.id)
        if (out !== this.#value && !this.#wanted.has(out.id) && !out.kept) out.dispose()
      }
      for (const input of node.inputs) this.#uncount(input)
    }
  }

  #apply(node: Operation, dys: (Tensor | undefined)[]): void {
    const needs = node.inputs.map((t) => t !== undefined && this.#active.has(t.id))
    const dxs = node.backward(dys, needs)
    node.inputs.forEach((input, i) => {
      const dx = dxs[i]
      if (!input || !needs[i]) return dx?.dispose()
      if (!dx) return
      if (dx.size !== input.size)
        throw new ArgumentError(`gradient of shape [${dx.shape}] for an input of shape [${input.shape}]`)
      const before = this.#gradients.get(input.id)
      this.#gradients.set(input.id, before ? sumOf(before, dx) : dx)
    })
    for (const dy of dys) dy?.dispose()
  }

  /** Runs a block again, now storing its intermediates, and goes back through it: the same sums in the same order as without. */
  #replay({ outputs: [output], run }: Replay): void {
    tf.engine().startScope('replay')
    try {
      const again = recordNodes(run, this.#active, false)
      this.#gradients.set(again.output.id, this.#gradients.get(output.id)!)
      this.#gradients.delete(output.id)
      this.#count(again.nodes)
      this.#walk(again.nodes)
    } finally {
      tf.engine().endScope([...this.#gradients.values(), ...this.#handed])
    }
  }

  #count(nodes: Node[]): void {
    for (const { inputs } of nodes) {
      for (const input of inputs) {
        const wanted = input && this.#wanted.get(input.id)
        if (wanted) wanted.uses++
      }
    }
  }

  #uncount(input: Tensor | undefined): void {
    const wanted = input && this.#wanted.get(input.id)
    if (wanted && --wanted.uses === 0) this.#finish(input.id)
  }

  #finish(id: number): void {
    const { tensor, indices } = this.#wanted.get(id)!
    const gradient = this.#gradients.get(id)
    for (const index of indices) this.#handOver(index, gradient ? tf.reshape(gradient, tensor.shape) : tf.zeros(tensor.shape))
    if (!gradient) return
    this.#gradients.delete(id)
    gradient.dispose()
  }
}

/** a + b in a's shape; frees both. */
function sumOf(a: Tensor, b: Tensor): Tensor {
  const reshaped = tf.reshape(b, a.shape)
  const sum = tf.add(a, reshaped)
  tf.dispose([a, b, reshaped])
  return sum
}
