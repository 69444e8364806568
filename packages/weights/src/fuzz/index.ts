/** The fuzz harness, for the readers here and for parsers of extensions. */
export { fuzz, FuzzFailure, type FuzzOptions, type FuzzReport, type FuzzTarget } from './fuzz.ts'
export { mutateBytes } from './mutate-bytes.ts'
export { mutateJson } from './mutate-json.ts'
export { configTarget } from './config-target.ts'
export { ggufTarget } from './gguf-target.ts'
export { mutateGguf } from './mutate-gguf.ts'
export { safetensorsTarget } from './safetensors-target.ts'
