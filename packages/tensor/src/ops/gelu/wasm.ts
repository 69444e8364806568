import { partOf, workPerValue, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { GeluAttributes, GeluGradInputs, GeluInputs } from './attributes.ts'

export const geluWasm: WasmKernel<GeluInputs, GeluAttributes> = (context, { size, approximate }) => {
  const x = context.input('x')
  const y = context.output(x.shape)
  context.share('gelu', { count: size, work: workPerValue * size, unit: 4 }, (begin, count) => [
    ...[partOf(x.pointer, begin), partOf(y, begin), count, Number(approximate === 'tanh')],
  ])
}

export const geluGradWasm: WasmKernel<GeluGradInputs, GeluAttributes> = (context, { size, approximate }) => {
  const x = context.input('x')
  const dy = context.input('dy').pointer
  const dx = context.output(x.shape)
  context.share('geluGrad', { count: size, work: workPerValue * size, unit: 4 }, (begin, count) => [
    ...[partOf(x.pointer, begin), partOf(dy, begin), partOf(dx, begin), count, Number(approximate === 'tanh')],
  ])
}
