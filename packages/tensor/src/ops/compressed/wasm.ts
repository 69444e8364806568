import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { DecompressRowsAttributes, DecompressRowsInputs } from './attributes.ts'

/** Bits per value; negative for f16, to distinguish it from bf16. */
const bitsOf = { bf16: -16, f16: 16, q8: 8, q4: 4 }

export const decompressRowsWasm: WasmKernel<DecompressRowsInputs, DecompressRowsAttributes> = (
  call,
  { ids, width, format, group },
) => {
  const [compressed, scales] = call.pointers('compressed', 'scales')
  const out = call.output([ids.length, width])
  call.run('decompressRows', compressed, scales, call.moving(ids), out, ids.length, width, bitsOf[format], group)
}
