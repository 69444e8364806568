/** `casa info`: shows the content of a model folder. */
import type { Command } from 'commander'
import { describeModel } from '../describe-model.ts'
import { baseOption, modelArgument, type BaseFlag } from '../model-options.ts'
import { out } from '../terminal/colours.ts'

export function register(program: Command): void {
  program
    .command('info')
    .description('show what a model folder holds: parts, parameters, dtypes, and whether its weights fit its config')
    .addArgument(modelArgument('folder', 'model folder: a path, an address, or hub:organisation/name'))
    .option('--tensors', 'list every tensor')
    .addOption(baseOption())
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  casa info\n  casa info my-model/ --tensors\n  casa info hub:Qwen/Qwen2.5-VL-3B-Instruct',
    )
    .action(run)
}

async function run(folder: string, flags: BaseFlag & { tensors?: boolean; json?: boolean }): Promise<void> {
  const { facts, lines, tensors } = await describeModel(folder, flags)
  if (flags.json) return console.log(JSON.stringify(facts, null, 1))
  console.log(out.bold(facts.folder))
  for (const line of lines) console.log(line)
  if (flags.tensors)
    for (const { name, dtype, shape } of tensors) console.log(`  ${dtype.padEnd(5)} ${name} [${shape.join(', ')}]`)
}
