export { complete, type CompleteOptions, type Completion } from './complete.ts'
export { createKeptConversations, type KeptConversations, type Turn } from './kept-conversations.ts'
export { createStopText, type StopText } from './stop-text.ts'
