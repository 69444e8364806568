/** The `casa` command. Only the module of the given command is loaded, so that `casa ask` starts fast. */
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { Command } from 'commander'
import { reportFailure } from './failure.ts'

// Relaxed SIMD, on by default from Node 22: saves a tenth of a training step. Must be set before any wasm is compiled.
if (Number(process.versions.node.split('.')[0]) < 22) setFlagsFromString('--experimental-wasm-relaxed-simd')

interface CommandModule {
  register(program: Command): void
}

const commands: Record<string, () => Promise<CommandModule>> = {
  ask: () => import('./commands/ask.ts'),
  caption: () => import('./commands/caption.ts'),
  finetune: () => import('./commands/finetune.ts'),
  train: () => import('./commands/train.ts'),
  eval: () => import('./commands/eval.ts'),
  study: () => import('./commands/study.ts'),
  info: () => import('./commands/info.ts'),
  verify: () => import('./commands/verify.ts'),
  convert: () => import('./commands/convert.ts'),
  adapt: () => import('./commands/adapt.ts'),
  cache: () => import('./commands/cache.ts'),
  data: () => import('./commands/data.ts'),
  serve: () => import('./commands/serve.ts'),
  bench: () => import('./commands/bench.ts'),
}

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

const program = new Command('casa')
  .description('Train, ask, evaluate and verify CASA vision-language models.')
  .version(version, '--version', 'print the version')
  .showHelpAfterError('(try: casa --help)')
  .addHelpText(
    'after',
    `
Examples:
  casa ask photo.png "What does it say?"          ask the model that comes with casa
  casa ask a.png b.png "What is in the second?"   several pictures
  casa caption film.mp4 --srt film.srt            captions of a video as it plays
  casa finetune pets/ --out my-pets               teach it what is in your pictures
  casa train run.ts --resume                      train, and go on after an interruption
  casa eval model/ --report report.html           held-out accuracy, with pictures
  casa info model/                                what a model folder holds
  casa adapt qwen/ --out casa-qwen/               a CASA model that starts from Qwen2.5-VL
  casa serve model/ --port 8000                   behind OpenAI's chat completions
  casa bench stream                               what a stream of frames costs
  casa verify                                     known answers on this machine's device`,
  )

const asked = process.argv[2]
const load = asked !== undefined && Object.hasOwn(commands, asked) ? commands[asked] : undefined
for (const one of load ? [load] : Object.values(commands)) (await one()).register(program)
for (const command of program.commands) command.showHelpAfterError(`(try: casa ${command.name()} --help)`)

try {
  await program.parseAsync()
} catch (error) {
  reportFailure(
    error,
    program.commands.find((command) => command.name() === asked),
  )
}
