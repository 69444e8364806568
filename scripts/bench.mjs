/**
 * `pnpm bench`: ours beside named peers, then every operator by itself, then attention's memory, into docs/benchmarks.
 * With options only the first runs: bench/peers.ts says which there are. `pnpm bench serve` loads the server instead (bench/serve.ts), `pnpm bench
 * lm` takes a real language model (bench/lm.ts), `pnpm bench gpu` this machine's GPU (bench/gpu.ts).
 */
import { spawnSync } from 'node:child_process'
import { root } from './steps.mjs'

const node = (...args) => spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status === 0
const script = (file, ...args) => node('--import', 'tsx', '--conditions=@casa-js/source', file, ...args)
const options = process.argv.slice(2)

const peers = () => node('packages/tensor/scripts/build-kernels.mjs') && script('bench/peers.ts', ...options)
const rest = () => script('bench/ops.ts', '--write') && script('bench/memory.ts')
if (options[0] === 'serve') process.exit(script('bench/serve.ts', ...options.slice(1)) ? 0 : 1)
const lm = () => node('packages/tensor/scripts/build-kernels.mjs') && script('bench/lm.ts', ...options.slice(1))
if (options[0] === 'lm') process.exit(lm() ? 0 : 1)
if (options[0] === 'gpu') process.exit(script('bench/gpu.ts', ...options.slice(1)) ? 0 : 1)
process.exit(peers() && (options.length > 0 || rest()) ? 0 : 1)
