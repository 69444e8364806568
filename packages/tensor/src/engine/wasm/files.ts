/**
 * The package's build folder: our kernels without and with relaxed SIMD, and for vectors of 256 bits; and tfjs's own module. Each also for a
 * shared memory.
 */
type Module = 'kernels' | 'kernels-relaxed' | 'kernels-wide' | 'tfjs-backend-wasm-simd'

export type WasmFile = `${Module}.wasm` | `${Module}-shared.wasm`
