/** The package's build folder: our kernels with and without relaxed SIMD, and tfjs's own module; each also for a shared memory. */
type Module = 'kernels' | 'kernels-relaxed' | 'tfjs-backend-wasm-simd'

export type WasmFile = `${Module}.wasm` | `${Module}-shared.wasm`
