/**
 * Reverse-mode differentiation over whole operators: what a forward pass records. The backward pass is in backward-pass.ts.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Tensor } from './tensor.ts'

/**
 * Gradients of a node's outputs -> gradients of its inputs.
 * `dys[i]` is undefined where an output did not reach the loss; `needs[i]` is true if the gradient of input i is needed,
 * so a frozen weight costs nothing. Return undefined for gradients not needed. The returned tensors
 * must be new and distinct: pass a gradient through with `share(dy)`, which shares its memory. The tape owns and frees them.
 */
export type Backward = (dys: (Tensor | undefined)[], needs: boolean[]) => (Tensor | undefined)[]

export interface Operation {
  inputs: (Tensor | undefined)[]
  outputs: Tensor[]
  backward: Backward
}

/** A block whose intermediates were not stored: the backward pass runs it again. */
export interface Replay {
  /** Tensors from outside the block that a gradient flows to. */
  inputs: Tensor[]
  outputs: [Tensor]
  run: () => Tensor
}

export type Node = Operation | Replay

class Tape {
  readonly nodes: Node[] = []
  constructor(
    readonly active: Set<number>,
    readonly recompute: boolean,
  ) {}
}

/** Stands in for the tape while a block runs that will be run again: nothing is stored, only what the block depends on is noted. */
class Probe {
  readonly inside = new Set<number>()
  readonly inputs = new Map<number, Tensor>()
  /** Tensors with smaller ids are not the block's own. */
  readonly firstId = tf.tidy(() => tf.scalar(0).id)
  constructor(readonly tape: Tape) {}

  record(inputs: (Tensor | undefined)[], outputs: Tensor[]): void {
    let isActive = false
    for (const t of inputs) {
      if (!t) continue
      if (this.inside.has(t.id)) isActive = true
      else if (this.tape.active.has(t.id)) {
        isActive = true
        this.inputs.set(t.id, t)
      }
    }
    if (isActive) for (const out of outputs) this.inside.add(out.id)
  }
}

let recorder: Tape | Probe | undefined

/**
 * Record on the tape how to differentiate what was just computed, for an operator of your own. Costs nothing when no gradient is being computed.
 * @param inputs tensors of any shape; undefined for an optional one that was not given
 * @param outputs what was computed from them
 * @param backward gradients of the outputs -> gradients of the inputs
 */
export function record(inputs: (Tensor | undefined)[], outputs: Tensor[], backward: Backward): void {
  if (!recorder) return
  if (recorder instanceof Probe) return recorder.record(inputs, outputs)
  const { active, nodes } = recorder
  if (!inputs.some((t) => t && active.has(t.id))) return
  for (const out of outputs) active.add(out.id)
  nodes.push({ inputs, outputs, backward })
}

/** True while a gradient is being computed and intermediates are stored: the backward pass may read what is computed now. */
export function isRecording(): boolean {
  return recorder instanceof Tape
}

/** Whether the backward pass may still read this tensor, so that only its tape may free it. */
export function belongsToTape(t: Tensor): boolean {
  return recorder instanceof Probe ? t.id < recorder.firstId : recorder !== undefined
}

/**
 * One block of a deep network, from tensors to one tensor of any shape. Where recomputation is asked for (`streamGradients`), none of its
 * intermediates is stored: the backward pass runs the block again. Everywhere else this only runs `f`.
 *
 * `f` must compute the same values each time: randomness in it must come from a seed, and it must not change what later blocks read.
 * Gradients are bit for bit those without recomputation. Chen et al., arXiv 1604.06174.
 *
 * @returns what `f` returns
 */
export function block(f: () => Tensor): Tensor {
  if (!(recorder instanceof Tape) || !recorder.recompute) return f()
  const tape = recorder
  const probe = new Probe(tape)
  const output = withRecorder(probe, () => tf.tidy(f))
  if (probe.inside.has(output.id)) {
    tape.active.add(output.id)
    tape.nodes.push({ inputs: [...probe.inputs.values()], outputs: [output], run: f })
  }
  return output
}

/** Another tensor over the same memory, of the same shape (any shape), freed on its own; this is how a `Backward` passes a gradient through unchanged. */
export function share(t: Tensor): Tensor {
  return tf.reshape(t, t.shape)
}

/** Run `f` without recording for gradients, and return what it returns. */
export function noGrad<T>(f: () => T): T {
  return withRecorder(undefined, f)
}

/** Whether a gradient is being computed, in any way. */
export function isDifferentiating(): boolean {
  return recorder !== undefined
}

/**
 * Runs `f` and records what depends on the active tensors.
 * @param active ids of tensors that a gradient flows to; those computed from them are added
 * @param recompute store no intermediates of blocks
 */
export function recordNodes(f: () => Tensor, active: Set<number>, recompute: boolean): { output: Tensor; nodes: Node[] } {
  const tape = new Tape(active, recompute)
  return { output: withRecorder(tape, f), nodes: tape.nodes }
}

function withRecorder<T>(next: Tape | Probe | undefined, f: () => T): T {
  const outer = recorder
  recorder = next
  try {
    return f()
  } finally {
    recorder = outer
  }
}
