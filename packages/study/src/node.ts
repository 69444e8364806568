/** @casa-js/study/node: study files, cells in processes, results on disk. */
export { readStudy } from './read-study.node.ts'
export { fileStore } from './store.node.ts'
export { codeVersion } from './code-version.node.ts'
export { runCell, type CellOptions } from './run-cell.node.ts'
export { runInProcess, serveCell, type CellMessage, type CellProcessOptions } from './cell-process.node.ts'
