import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { ArgMaxAttributes, ArgMaxInputs } from './attributes.ts'

export const argMaxWasm: WasmKernel<ArgMaxInputs, ArgMaxAttributes> = (context, { rows, width }) => {
  const { pointer, shape } = context.input('x')
  context.run('argMax', pointer, context.output(shape.slice(0, -1), 'int32'), rows, width)
}
