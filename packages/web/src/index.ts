export {
  createVlmClient,
  type AskOptions,
  type CaptionOptions,
  type LiveCaptions,
  type ClientConversation,
  type ModelWorker,
  type TrainOptions,
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
  ModelFile,
  ModelInfo,
  ModelSource,
  Picture,
  Trained,
  TrainEvent,
  TrainExample,
  TrainSettings,
  WorkerApi,
} from './protocol.ts'
export { listModels, persistModels, removeModel, storageUse, type StorageUse, type StoredModel } from './stored.ts'
export { captionElement, type VideoCaptionOptions } from './video-element.ts'
