/** Programs that treat every element alike. */
import type * as tf from '@tensorflow/tfjs-core'
import type { WebgpuContext } from './kernel.ts'
import { defineProgram, floats, type Program, type ScalarType } from './program.ts'

const elementLanes = 256

interface Elementwise<I extends string, O extends string, U extends string> {
  name: string
  inputs: readonly I[]
  outputs: readonly O[]
  uniforms?: Record<U, ScalarType>
  declarations?: string
  /** Statements for element `i`. */
  body: string
}

/** A program that treats every element alike: f32 arrays of one size. */
export function defineElementwise<I extends string, O extends string, U extends string = never>(spec: Elementwise<I, O, U>) {
  type Values = Record<Exclude<U, 'rows' | 'firstRow'>, number>
  const program: Program<I | O, U | 'rows'> = defineProgram({
    name: spec.name,
    inputs: floats(spec.inputs),
    outputs: floats(spec.outputs),
    uniforms: { rows: 'u32', ...spec.uniforms } as Record<U | 'rows', ScalarType>,
    lanes: elementLanes,
    declarations: spec.declarations,
    body: `
  let i = group * ${elementLanes}u + lane;
  if (i >= u.rows) { return; }
  ${spec.body}`,
  })
  return (context: WebgpuContext, tensors: Record<I | O, tf.TensorInfo>, size: number, uniforms = {} as Values): void => {
    const perRow = Object.fromEntries(program.bindings.map(({ name }) => [name, 1]))
    context.runRows(program as Program<I | O, U>, tensors, uniforms, { rows: size, perRow, rowsPerGroup: elementLanes })
  }
}
