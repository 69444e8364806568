/**
 * `pnpm bench`: ours beside named peers (docs/benchmarks/peers.md), then every operator by itself. Options go to the first:
 * packages/tensor/bench/main.node.ts says which.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const bench = fileURLToPath(new URL('../packages/tensor', import.meta.url))
const run = (...args) => spawnSync(process.execPath, args, { cwd: bench, stdio: 'inherit' }).status === 0
const script = (file, ...args) => run('--import', 'tsx', '--conditions=@casa-js/source', `bench/${file}`, ...args)
const options = process.argv.slice(2)

const done = run('scripts/build-kernels.mjs') && script('main.node.ts', ...options) && (options.length > 0 || script('ops.ts', '--json', '../../docs/benchmarks/operators.json'))
process.exit(done ? 0 : 1)
