export {
  createVlmClient,
  type AskOptions,
  type CaptionOptions,
  type LiveCaptions,
  type ClientConversation,
  type ModelWorker,
  type VlmClient,
  type VlmClientOptions,
} from './client.ts'
export { WorkerCrashedError } from './errors.ts'
export type {
  Answer,
  AskSettings,
  CaptionSettings,
  EarlierTurn,
  LiveCaption,
  LiveFrame,
  LoadProgress,
  LoadRequest,
  Looked,
  ModelInfo,
  ModelSource,
  Picture,
  WorkerApi,
} from './protocol.ts'
