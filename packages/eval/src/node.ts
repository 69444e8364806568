export { openBenchmark, type OpenBenchmarkOptions } from './benchmarks/open.node.ts'
export { fileResults } from './file-results.node.ts'
