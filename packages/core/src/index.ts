export {
  ArgumentError,
  CasaError,
  ConfigError,
  Fields,
  FileError,
  StateError,
  WeightError,
  type ContentPart,
  type EncodedSample,
  type Message,
  type RgbImage,
  type Tokenizer,
  type WeightFault,
} from '@casa-js/base'
export * from './table.ts'
export * from './backbone.ts'
export * from './vision.ts'
export * from './fusion.ts'
export * from './conversation.ts'
export * from './random.ts'
export * from './init-params.ts'
