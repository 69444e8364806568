export { blobSource, memorySource, type ByteSource } from './bytes/source.ts'
export { type ByteSink } from './bytes/sink.ts'
export { memoryFolder, type FolderSink, type FolderSource } from './bytes/folder.ts'
export { defaultCache, fileSink, fileSource, pathFolder } from '#platform'
export { type Dtype } from './safetensors/dtypes.ts'
export { type SafetensorsHeader, type TensorEntry } from './safetensors/header.ts'
export { Safetensors, type StoredDtype, type TensorSource } from './safetensors/reader.ts'
export { type TensorData, type TensorToWrite } from './safetensors/encode.ts'
export {
  encodeSafetensors,
  tensorsInMemory,
  writeSafetensors,
  type Produced,
  type TensorPlan,
  type TensorProducer,
  type WriteOptions,
} from './safetensors/writer.ts'
export { loadEach, loadParams, type LoadedTensor, type LoadOptions, type RoundedTensor } from './load/load-params.ts'
export { type MatchOptions } from './load/match.ts'
export { parseNameMap, type NameMap } from './load/name-map.ts'
export { casaReleasedNames, qwen25VlNames } from './load/known-names.ts'
export { openWeights } from './folder/open-weights.ts'
export { openModelFolder, type ModelFolder, type OpenedAdapter, type OpenOptions } from './folder/model-folder.ts'
export { baseAddress, type AdapterBase, type BaseTensor } from './adapter/mark.ts'
export { hashTensor } from './adapter/hash.ts'
export { writeModelFolder, type ModelFolderToWrite, type WriteModelOptions } from './folder/write-model-folder.ts'
export { ggufFolder } from './gguf/folder.ts'
export { writeGguf, type GgufFloatType, type WriteGgufOptions, type WrittenTensor } from './gguf/write.ts'
export { type QuantizedType as GgufQuantizedType } from './gguf/quantize.ts'
export { type GgufWeights } from './gguf/source.ts'
export { folderAt, type AddressOptions } from './remote/address.ts'
export { type DownloadOptions, type DownloadProgress } from './remote/download.ts'
export { type Expected } from './remote/file-hash.ts'
export { type Draft, type DraftState, type FileCache } from './remote/draft.ts'
export { type HttpOptions } from './remote/http.ts'
export { httpFolder, type HttpFolderOptions, type RemoteOptions } from './remote/http-folder.ts'
export { hubFolder, type HubOptions } from './remote/hub.ts'
export { type QuantizedMatrix, type QuantizedSource } from './quantize/quantized-source.ts'
export { convertModelFolder, type ConvertedTensor, type ConvertReport, type ConvertRun } from './convert/convert.ts'
export { type ConvertOptions, type FloatDtype } from './convert/plan.ts'
export { type ConversionError } from './convert/error-meter.ts'
