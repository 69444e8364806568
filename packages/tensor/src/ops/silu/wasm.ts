import { partOf, workPerValue, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { SiluAttributes, SiluGradInputs, SiluInputs } from './attributes.ts'

export const siluWasm: WasmKernel<SiluInputs, SiluAttributes> = (context, { size }) => {
  const x = context.input('x')
  const y = context.output(x.shape)
  context.share('silu', { count: size, work: workPerValue * size, unit: 4 }, (begin, count) => [
    ...[partOf(x.pointer, begin), partOf(y, begin), count],
  ])
}

export const siluGradWasm: WasmKernel<SiluGradInputs, SiluAttributes> = (context, { size }) => {
  const x = context.input('x')
  const dy = context.input('dy').pointer
  const dx = context.output(x.shape)
  context.share('siluGrad', { count: size, work: workPerValue * size, unit: 4 }, (begin, count) => [
    ...[partOf(x.pointer, begin), partOf(dy, begin), partOf(dx, begin), count],
  ])
}
