/** Setup of the test project 'relaxed': the wasm build with relaxed SIMD, which Node has behind a flag before version 22. */
import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--experimental-wasm-relaxed-simd')
