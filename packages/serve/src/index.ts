/** An OpenAI-compatible server around one vision-language model. */
export { createApp, type App, type AppOptions } from './app.ts'
export type { CaptionConnection, CaptionSocket } from './captions.ts'
export { createFetchPicture, type FetchLimits } from './fetch-picture.node.ts'
export type { FetchPicture } from './pictures.ts'
export { RequestError } from './errors.ts'
export { serve, type RunningServer, type ServeOptions } from './server.node.ts'
