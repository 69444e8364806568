/** Initial weights from a tensor table. */
import { createRandom, hashText } from './random.ts'
import type { Init, TensorSpec, TensorTable } from './table.ts'

/** Inputs that one output sums over: everything but the first axis of [out, ...in]. */
const fanIn = ({ shape }: TensorSpec): number => shape.slice(1).reduce((product, extent) => product * extent, 1)

function standardDeviation(spec: TensorSpec, init: Extract<Init, { kind: 'normal' | 'fanIn' }>): number {
  return init.kind === 'normal' ? init.std : (init.gain ?? 1) / Math.sqrt(fanIn(spec))
}

/** Initial values of one tensor. They depend only on the seed and the tensor's name, not on the rest of the table. */
export function initialValues(spec: TensorSpec, seed: number): Float32Array {
  const { shape, init, name } = spec
  const values = new Float32Array(shape.reduce((product, extent) => product * extent, 1))
  if (init.kind === 'zeros') return values
  if (init.kind === 'ones') return values.fill(1)
  const random = createRandom(seed, hashText(name))
  const scale = standardDeviation(spec, init)
  return values.map(() => random.normal() * scale)
}

/** Values of every tensor of a table, by name. */
export function* initialParams(table: TensorTable, seed: number): Generator<{ spec: TensorSpec; values: Float32Array }> {
  for (const spec of table) yield { spec, values: initialValues(spec, seed) }
}
