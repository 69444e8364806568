/** Shared by casa-js packages only. May change in any release. */
export { isDtype } from './safetensors/dtypes.ts'
export { templatesOf } from './detect/templates.ts'
export { matchTable, type Match } from './load/match.ts'
export { openHttp } from './remote/http-source.ts'
