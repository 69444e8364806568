/**
 * An update of a model of a chosen size on several ranks: time, processor time and memory of each, a line of JSON from every rank.
 *
 *     mpirun -n 2 npx tsx --conditions=@casa-js/source bench/ranks/measure.ts '{"width":1024,"depth":18,"rows":64}'
 *
 * Without mpirun it is one process. Options: width, depth, rows (of a micro-batch), updates (default 6), perRank (micro-batches, default 1).
 */
import { launchedBy, train } from '@casa-js/train/node'
import type { StackOptions } from './program.ts'

interface Options extends StackOptions {
  updates?: number
  perRank?: number
  recompute?: boolean
}

const { updates = 6, perRank = 1, recompute = false, ...stack } = JSON.parse(process.argv[2] ?? '{}') as Options
const ranks = launchedBy(process.env)?.ranks ?? 1
const events = train({
  program: { module: new URL('./program.ts', import.meta.url).href, options: stack },
  loop: {
    schedule: { steps: updates, warmup: 0, cooldown: 0 },
    groups: [{ name: 'all', match: ['*'], learningRate: 1e-5 }],
    clip: 1,
    recompute,
    shards: ranks * perRank,
    config: { fixed: {}, tunable: {} },
  },
  device: 'wasm',
  mpi: ranks > 1,
})
for await (const _ of events) void _
