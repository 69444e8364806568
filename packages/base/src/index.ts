export * from './errors.ts'
export * from './fields.ts'
export * from './conversation.ts'
export * from './error-data.ts'
