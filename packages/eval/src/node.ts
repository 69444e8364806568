export { fileResults } from './file-results.node.ts'
