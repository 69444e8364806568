/** The sum of two tensors of one shape for plans, which run kernels outside tfjs's engine. */
import type { TracedKernel } from '../../engine/trace.ts'
import { addOfOneShape } from '../../engine/wasm/add.ts'
import { defineElementwise } from '../../engine/webgpu/elementwise.ts'

const program = /* @__PURE__ */ defineElementwise({
  name: 'add',
  inputs: ['a', 'b'],
  outputs: ['sum'],
  body: 'sum[i] = a[i] + b[i];',
})

export const tracedAdd: TracedKernel = {
  wasm: addOfOneShape,
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
