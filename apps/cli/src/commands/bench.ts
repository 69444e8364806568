/** `casa bench`: measures on this machine. */
import { Option, type Command } from 'commander'
import { contestants, shapes } from '../bench/contestants.ts'
import type { StreamFlags } from '../bench/stream.ts'
import { deviceOption, verboseOption } from '../device.ts'
import { wholeNumber } from '../terminal/numbers.ts'

export function register(program: Command): void {
  const bench = program.command('bench').description('measure time and memory on this machine')
  bench
    .command('stream')
    .description('what a stream of frames costs, its first tenth against its last: CASA beside other ways to show frames')
    .addOption(new Option('--shape <name>', 'size of the model').choices(Object.keys(shapes)).default('shipped'))
    .addOption(new Option('--only <names...>', 'only these').choices(Object.keys(contestants)))
    .option('--turns <n>', 'frames, each with 16 greedy tokens', wholeNumber(10, 1_000_000), 256)
    .option('--repeats <n>', 'streams; of each turn the shortest time counts', wholeNumber(1, 100), 1)
    .option('--slide <tokens>', 'forget the oldest text beyond so many tokens (default: keep all)', wholeNumber(64))
    .option('--out <folder>', 'add the results to streaming.json, streaming.md and the charts there')
    .addOption(deviceOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      `
Times are processor time: other programs change them little. Weights are random.

Examples:
  casa bench stream                                     six models, 256 turns
  casa bench stream --only casa --turns 20000 --slide 4096
  casa bench stream --shape helium-cut --turns 32 --out streaming/`,
    )
    .action(async (flags: StreamFlags) => (await import('../bench/stream.ts')).benchStream(flags))
}
