/** Shared with @casa-js/train and this repository's recipes only. May change in any release. */
export { paintText, type TextPictureOptions } from './draw/text.node.ts'
export { packPrepared, prepareSample, type PreparedPicture, type PreparedSample } from './pack.ts'
export { findFiles, type FindOptions, type FoundFile } from './shards/find-files.node.ts'
