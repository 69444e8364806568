/** a + b, a - b, a * b, -x and fill, in as many dispatches as the binding size requires. */
import { DeviceError } from '@casa-js/base'
import type * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../tensor.ts'
import { defineElementwise } from './elementwise.ts'
import type { WebgpuKernel } from './kernel.ts'
import { variants } from './program.ts'

type Type = 'f32' | 'i32'
type DType = 'float32' | 'int32'

const binary = variants((operator: string, type: Type) =>
  defineElementwise({ name: `a ${operator} b`, inputs: ['a', 'b'], outputs: ['y'], type, body: `y[i] = a[i] ${operator} b[i];` }),
)
/** b is broadcast over a: a row, a scalar. */
const repeated = variants((operator: string, type: Type) =>
  defineElementwise({
    name: `a ${operator} b, b repeated`,
    inputs: ['a', 'b'],
    outputs: ['y'],
    type,
    whole: ['b'],
    uniforms: { firstRow: 'u32', period: 'u32' },
    body: `y[i] = a[i] ${operator} b[(u.firstRow + i) % u.period];`,
  }),
)
const negate = variants((type: Type) =>
  defineElementwise({ name: '-x', inputs: ['x'], outputs: ['y'], type, body: 'y[i] = -x[i];' }),
)
const fill = variants((type: Type) =>
  defineElementwise({
    name: 'fill',
    inputs: [],
    outputs: ['y'],
    type,
    uniforms: { value: 'f32' },
    body: `y[i] = ${type}(u.value);`,
  }),
)

/** @throws DeviceError unless b has the shape of a, or of its last axes: a scalar, a row. */
export function binaryInParts(operator: '+' | '-' | '*'): WebgpuKernel<'a' | 'b', object> {
  return (context) => {
    const [a, b] = [context.input('a'), context.input('b')]
    // b may have extra leading axes only if their size is 1.
    const leading = b.shape.slice(0, Math.max(0, b.shape.length - a.shape.length))
    const y = context.output([...leading, ...a.shape], a.dtype as DType)
    const [size, period] = [sizeOf(a.shape), sizeOf(b.shape)]
    expectRepeats(a.shape, b.shape, operator)
    if (period === size) binary(operator, typeOf(a))(context, { a, b, y }, size)
    else repeated(operator, typeOf(a))(context, { a, b, y }, size, { period })
    return [y]
  }
}

function expectRepeats(a: number[], b: number[], operator: string): void {
  const axes = b.slice(b.findIndex((extent) => extent !== 1))
  const repeats = sizeOf(b) === 1 || axes.every((extent, i) => extent === a[a.length - axes.length + i])
  if (!repeats) {
    throw new DeviceError(
      `[${a}] ${operator} [${b}]: beyond one binding the second must be a scalar or have the first's last axes`,
    )
  }
}

export const negateInParts: WebgpuKernel<'x', object> = (context) => {
  const x = context.input('x')
  const y = context.output(x.shape, x.dtype as DType)
  negate(typeOf(x))(context, { x, y }, sizeOf(x.shape))
  return [y]
}

export interface FillAttributes {
  shape: number[]
  value: number
  dtype?: DType
}

export const fillInParts: WebgpuKernel<never, FillAttributes> = (context, { shape, value, dtype = 'float32' }) => {
  const y = context.output(shape, dtype)
  if (value === 0) context.clear(y)
  else fill(typeOf(y))(context, { y }, sizeOf(shape), { value })
  return [y]
}

const typeOf = ({ dtype }: tf.TensorInfo): Type => (dtype === 'int32' ? 'i32' : 'f32')
