/** The package's build folder: our kernels without and with relaxed SIMD, and tfjs's own module; each also on a shared memory. */
type Module = 'kernels' | 'kernels-relaxed' | 'tfjs-backend-wasm-simd'

export type WasmFile = `${Module}.wasm` | `${Module}-shared.wasm`
