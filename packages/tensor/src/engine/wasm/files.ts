/** The package's build folder: our kernels without and with relaxed SIMD, and tfjs's own module. */
export type WasmFile = 'kernels.wasm' | 'kernels-relaxed.wasm' | 'tfjs-backend-wasm-simd.wasm'
