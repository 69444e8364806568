import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { UnpackRowsAttributes } from './index.ts'

/** Bits of a value; bf16 is told from f16 by its sign. */
const bitsOf = { bf16: -16, f16: 16, q8: 8, q4: 4 }

export const unpackRowsWasm: WasmKernel<UnpackRowsAttributes> = (call, { ids, width, format, group }) => {
  const [packed, scales] = ['packed', 'scales'].map((name) => call.input(name).pointer)
  const out = call.output([ids.length, width])
  call.exports.unpackRows(packed, scales, call.upload(ids), out, ids.length, width, bitsOf[format], group)
}
