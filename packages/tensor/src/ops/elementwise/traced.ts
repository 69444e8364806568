/** The sum of two tensors of one shape for plans, which run kernels outside tfjs's engine. */
import type { TracedKernel } from '../../engine/trace.ts'
import { defineElementwise } from '../../engine/webgpu/elementwise.ts'

const program = /* @__PURE__ */ defineElementwise({
  name: 'add',
  inputs: ['a', 'b'],
  outputs: ['sum'],
  body: 'sum[i] = a[i] + b[i];',
})

export const tracedAdd: TracedKernel = {
  wasm(context, attributes) {
    const { size } = attributes as { size: number }
    const [a, b] = context.pointers('a', 'b').map((pointer) => context.floats(pointer, size)) as [Float32Array, Float32Array]
    const sum = context.floats(context.output([size]), size)
    for (let i = 0; i < size; i++) sum[i] = a[i]! + b[i]!
  },
  webgpu(context) {
    const [a, b] = context.inputs('a', 'b')
    const sum = context.output(a.shape)
    program(
      context,
      { a, b, sum },
      a.shape.reduce((product, extent) => product * extent, 1),
    )
    return [sum]
  },
}
