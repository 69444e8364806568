/** Elementwise programs. */
import type * as tf from '@tensorflow/tfjs-core'
import type { WebgpuTools } from './kernel.ts'
import { defineProgram, type Program, type ScalarType } from './program.ts'

const elementLanes = 256

interface Elementwise<I extends string, O extends string, U extends string> {
  name: string
  inputs: readonly I[]
  outputs: readonly O[]
  /** Element type of every array. Default f32. */
  type?: 'f32' | 'i32'
  /** Inputs that every element may read anywhere, whatever their size. */
  whole?: readonly I[]
  uniforms?: Record<U, ScalarType>
  declarations?: string
  /** Statements for element `i`. */
  body: string
}

/** An elementwise program over arrays of one size. */
export function defineElementwise<I extends string, O extends string, U extends string = never>(spec: Elementwise<I, O, U>) {
  type Values = Record<Exclude<U, 'rows' | 'firstRow'>, number>
  const { type = 'f32', whole = [] } = spec
  const arrays = <N extends string>(names: readonly N[]) =>
    Object.fromEntries(names.map((name) => [name, type])) as Record<N, typeof type>
  const program: Program<I | O, U | 'rows'> = defineProgram({
    name: spec.name,
    inputs: arrays(spec.inputs),
    outputs: arrays(spec.outputs),
    uniforms: { rows: 'u32', ...spec.uniforms } as Record<U | 'rows', ScalarType>,
    lanes: elementLanes,
    declarations: spec.declarations,
    body: `
  let i = group * ${elementLanes}u + lane;
  if (i >= u.rows) { return; }
  ${spec.body}`,
  })
  const cut = program.bindings.filter(({ name }) => !whole.includes(name as I))
  const perRow = Object.fromEntries(cut.map(({ name }) => [name, 1]))
  return (context: WebgpuTools, tensors: Record<I | O, tf.TensorInfo>, size: number, uniforms = {} as Values): void => {
    context.runRows(program as Program<I | O, U>, tensors, uniforms, { rows: size, perRow, rowsPerGroup: elementLanes })
  }
}
