/** The decoder that families share, and the parser of their config.json. */
export type { DecoderConfig } from './config.ts'
export { bindDecoder } from './decoder.ts'
export { createKvCache, type CacheShape } from './kv-cache.ts'
export { parseDecoderConfig, type Specifics } from './parse-config.ts'
export { decoderTensors, llamaNames, type DecoderNames } from './tensors.ts'
export type { RotaryScaling } from './rotary.ts'
export type { WindowRule } from './windows.ts'
