export { createVlmClient } from './client.ts'
export type {
  AskOptions,
  CaptionOptions,
  ClientConversation,
  LiveCaptions,
  ModelWorker,
  TrainOptions,
  VerifyOptions,
  VlmClient,
  VlmClientOptions,
} from './vlm-client.ts'
export { WorkerCrashedError } from './errors.ts'
export type {
  Answer,
  AskSettings,
  CaptionSettings,
  EarlierTurn,
  GoldenCheck,
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
  Verified,
  VerifyEvent,
  WorkerApi,
} from './protocol.ts'
export { listModels, persistModels, removeModel, storageUse, type StorageUse, type StoredModel } from './stored.ts'
export { captionElement, type VideoCaptionOptions } from './video-element.ts'
