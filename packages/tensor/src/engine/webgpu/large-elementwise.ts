/** a + b, a - b, a * b, -x and one number everywhere, in as many dispatches as bindings need. */
import type * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../tensor.ts'
import { defineProgram, variants } from './program.ts'
import type { WebgpuKernel } from './kernel.ts'

const lanes = 256

type Type = 'f32' | 'i32'
type DType = 'float32' | 'int32'

/** How b stands beside a: element by element, or over again (a row, a scalar). */
type Beside = 'same' | 'repeated'

const define = <I extends string>(name: string, inputs: readonly I[], type: Type, expression: string) =>
  defineProgram({
    name,
    inputs: Object.fromEntries(inputs.map((input) => [input, type])) as Record<I, Type>,
    outputs: { y: type },
    uniforms: { rows: 'u32', firstRow: 'u32', period: 'u32', value: 'f32' },
    lanes,
    body: `
  let i = group * ${lanes}u + lane;
  if (i >= u.rows) { return; }
  y[i] = ${expression};`,
  })

const binary = variants((operator: string, beside: Beside, type: Type) => {
  const b = beside === 'same' ? 'b[i]' : 'b[(u.firstRow + i) % u.period]'
  return define(`a ${operator} b`, ['a', 'b'], type, `a[i] ${operator} ${b}`)
})
const negate = variants((type: Type) => define('-x', ['x'], type, '-x[i]'))
const fill = variants((type: Type) => define('fill', [], type, `${type}(u.value)`))

const split = (rows: number, ...names: string[]) => ({
  rows,
  perRow: Object.fromEntries(names.map((name) => [name, 1])),
  rowsPerGroup: lanes,
})

/** @throws Error unless b has the shape of a, or of its last axes: a scalar, a row. */
export function binaryInParts(operator: '+' | '-' | '*'): WebgpuKernel<Record<string, never>> {
  return (context) => {
    const [a, b] = [context.input('a'), context.input('b')]
    // Leading axes of one are all that b may have more of.
    const leading = b.shape.slice(0, Math.max(0, b.shape.length - a.shape.length))
    const y = context.output([...leading, ...a.shape], a.dtype as DType)
    const [size, period] = [sizeOf(a.shape), sizeOf(b.shape)]
    expectRepeats(a.shape, b.shape, operator)
    const same = period === size
    const program = binary(operator, same ? 'same' : 'repeated', typeOf(a))
    context.runRows(program, { a, b, y }, { period, value: 0 }, same ? split(size, 'a', 'b', 'y') : split(size, 'a', 'y'))
    return [y]
  }
}

function expectRepeats(a: number[], b: number[], operator: string): void {
  const axes = b.slice(b.findIndex((extent) => extent !== 1))
  const repeats = sizeOf(b) === 1 || axes.every((extent, i) => extent === a[a.length - axes.length + i])
  if (!repeats) {
    throw new Error(`[${a}] ${operator} [${b}]: beyond one binding the second must be a scalar or have the first's last axes`)
  }
}

export const negateInParts: WebgpuKernel<Record<string, never>> = (context) => {
  const x = context.input('x')
  const y = context.output(x.shape, x.dtype as DType)
  context.runRows(negate(typeOf(x)), { x, y }, { period: 1, value: 0 }, split(sizeOf(x.shape), 'x', 'y'))
  return [y]
}

export interface FillAttributes extends Record<string, unknown> {
  shape: number[]
  value: number
  dtype?: DType
}

export const fillInParts: WebgpuKernel<FillAttributes> = (context, { shape, value, dtype = 'float32' }) => {
  const y = context.output(shape, dtype)
  if (value === 0) context.clear(y)
  else context.runRows(fill(typeOf(y)), { y }, { period: 1, value }, split(sizeOf(shape), 'y'))
  return [y]
}

const typeOf = ({ dtype }: tf.TensorInfo): Type => (dtype === 'int32' ? 'i32' : 'f32')
