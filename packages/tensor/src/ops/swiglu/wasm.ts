import { partOf, workPerValue, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { SwigluAttributes, SwigluGradInputs, SwigluInputs } from './attributes.ts'

export const swigluWasm: WasmKernel<SwigluInputs, SwigluAttributes> = (context, { size }) => {
  const gate = context.input('gate')
  const up = context.input('up').pointer
  const y = context.output(gate.shape)
  context.share('swiglu', { count: size, work: workPerValue * size, unit: 4 }, (begin, count) => [
    ...[gate.pointer, up, y].map((pointer) => partOf(pointer, begin)),
    count,
  ])
}

export const swigluGradWasm: WasmKernel<SwigluGradInputs, SwigluAttributes> = (context, { size }) => {
  const gate = context.input('gate')
  const [up, dy] = context.pointers('up', 'dy')
  const dGate = context.output(gate.shape)
  const dUp = context.output(gate.shape)
  context.share('swigluGrad', { count: size, work: workPerValue * size, unit: 4 }, (begin, count) => [
    ...[gate.pointer, up, dy, dGate, dUp].map((pointer) => partOf(pointer, begin)),
    count,
  ])
}
