/** Scenes that change, and the captions that tell of it. Private to this repository. */
export * from './between.ts'
export * from './captions.ts'
export * from './clip.ts'
export { default as createLiveDataset, livePrompt, type LiveOptions } from './dataset.ts'
export * from './material.ts'
export * from './scene.ts'
export * from './stage.ts'
export * from './things.ts'
