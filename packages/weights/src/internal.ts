/** What only our own packages share. It may change in any release. */
export { isDtype } from './safetensors/dtypes.ts'
export { matchTable, type Match } from './load/match.ts'
export { openHttp } from './remote/http-source.ts'
