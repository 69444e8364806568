export * from './config.ts'
export * from './model.ts'
export * from './load.ts'
export * from './session.ts'
