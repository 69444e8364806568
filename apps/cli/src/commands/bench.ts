/** `casa bench`: measures on this machine. */
import { Option, type Command } from 'commander'
import { contestants, shapes } from '../bench/contestants.ts'
import { gpuShapes, type GpuFlags } from '../bench/gpu-shapes.ts'
import { formats } from '../bench/roofline.ts'
import type { StreamFlags } from '../bench/stream.ts'
import { deviceOption, verboseOption } from '../device.ts'
import { wholeNumber } from '../terminal/numbers.ts'

export function register(program: Command): void {
  const bench = program.command('bench').description('measure time and memory on this machine')
  bench
    .command('stream')
    .description('what a stream of frames costs, its first tenth against its last: CASA beside other ways to show frames')
    .addOption(new Option('--shape <name>', 'size of the model (default: "shipped")').choices(Object.keys(shapes)))
    .addOption(new Option('--only <names...>', 'only these').choices(Object.keys(contestants)))
    .option('--turns <n>', 'frames, each with 16 greedy tokens (default: 256)', wholeNumber(10, 1_000_000))
    .option('--repeats <n>', 'streams; of each turn the shortest time counts', wholeNumber(1, 100), 1)
    .option('--slide <tokens>', 'forget the oldest text beyond so many tokens (default: keep all)', wholeNumber(64))
    .option(
      '--sample <n>',
      'run only so many turns of the first and of the last tenth, with a cache as full as then',
      wholeNumber(1),
    )
    .option('--table', 'the rows of the documentation page, those that the folder lacks; Ctrl-C and again goes on')
    .option('--again', 'with --table: also the rows that the folder has')
    .option('--out <folder>', 'add the results to streaming.json, streaming.md and the charts there')
    .addOption(deviceOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      `
Times are processor time: other programs change them little; on WebGPU they are the clock's. Weights are random.

Examples:
  casa bench stream                                     six models, 256 turns
  casa bench stream --only casa --turns 20000 --slide 4096
  casa bench stream --shape helium-cut --turns 512 --sample 16 --out streaming/
  casa bench stream --table --out docs/benchmarks/streaming`,
    )
    .action(async (flags: StreamFlags) => (await import('../bench/stream.ts')).benchStream(flags))
  bench
    .command('gpu')
    .description('one decoded token on this device beside the least that known devices need: a table, and JSON to send in')
    .addOption(new Option('--shape <name>', 'size of the model').choices(Object.keys(gpuShapes)).default('smollm2-135m'))
    .addOption(
      new Option('--formats <names...>', 'of the weights').choices(Object.keys(formats)).default(['bf16', 'int8', 'int4']),
    )
    .option('--context <tokens>', 'tokens before the one that is measured', wholeNumber(1, 1500), 512)
    .option('--tokens <n>', 'tokens; the median counts', wholeNumber(1, 400), 64)
    .option('--out <file>', 'write the JSON there, not after the table')
    .addOption(deviceOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      `
Weights are random. The JSON can be added to an issue, so that the page of rooflines learns about the device.

Examples:
  casa bench gpu                                        SmolLM2-135M's shape, three formats
  casa bench gpu --shape llama-3.2-1b --formats int4 --out mine.json`,
    )
    .action(async (flags: GpuFlags) => (await import('../bench/gpu.ts')).benchGpu(flags))
}
