/** `casa convert`: converts a model folder or GGUF file: split, merged, in another dtype, or quantised. */
import { existsSync, readFileSync } from 'node:fs'
import { ConfigError, FileError } from '@casa-js/base'
import type { Divergence } from '@casa-js/vlm'
import type { ConvertedTensor, ConvertReport, ConvertRun, DownloadProgress, FolderSource } from '@casa-js/weights'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { createBytesProgress } from '../convert/progress.ts'
import { readJson } from '../convert/read-json.ts'
import { out } from '../terminal/colours.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { wholeNumber } from '../terminal/numbers.ts'
import { megabytes } from '../terminal/text.ts'

interface ConvertFlags {
  dtype?: keyof typeof dtypes | keyof typeof ggufTypes
  group?: number
  keep?: RegExp
  rest?: 'f32' | 'f16' | 'bf16'
  shardSize?: number
  force?: boolean
  all?: boolean
  json?: boolean
  quiet?: boolean
  kl?: string | true
  names?: string
  detect?: boolean
  config?: string
  heads?: number
}

const dtypes = { f32: 'F32', f16: 'F16', bf16: 'BF16', int8: 'Q8', int4: 'Q4' } as const
/** GGUF's names of dtypes, and dtypes that only GGUF has. */
const ggufTypes = {
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
  int8: 'Q8_0',
  int4: 'Q4_0',
  q8_0: 'Q8_0',
  q4_0: 'Q4_0',
  q4_1: 'Q4_1',
} as const

export function register(program: Command): void {
  program
    .command('convert')
    .description('convert a model: merge or cut its files, change its dtype, quantise it, from and to GGUF')
    .argument('<from>', 'model folder or .gguf file: a path, an address, or hub:organisation/name[/file.gguf][@revision]')
    .argument('<to>', 'the new folder: not there yet, or empty; or a new .gguf file')
    .addOption(
      new Option(
        '--dtype <dtype>',
        'dtype of the weights (default: as they are; of a .gguf file f16); q.. for .gguf only',
      ).choices(Object.keys({ ...dtypes, ...ggufTypes })),
    )
    .option('--group <columns>', 'inputs that share a scale when quantising, a multiple of 32 (default: 32)', groupOf)
    .option(
      '--keep <pattern>',
      'do not quantise tensors whose names match (default: none; the head takes 8 bits at least)',
      patternOf,
    )
    .addOption(new Option('--rest <dtype>', 'dtype of what is not quantised (default: as it is)').choices(['f32', 'f16', 'bf16']))
    .option('--shard-size <size>', 'cut into files of at most this, e.g. 2GB (default: one file)', bytesOf)
    .option('--kl [file]', 'say how far its predictions are from the original on a text (default: a paragraph of English)')
    .option('--names <file>', 'new names of the tensors: a names file, as --detect writes it')
    .option(
      '--detect',
      'find out what the tensors are, whatever they are called, and write a names file to <to>; convert nothing',
    )
    .option(
      '--config <file>',
      'with --detect: config.json of the model that they should become (default: that of <from>, or inferred from shapes); with --names: config.json of <to>',
    )
    .option('--heads <n>', 'with --detect: query heads of the language model, which no shape tells', wholeNumber(1, 10_000))
    .option('--force', 'write into a folder that holds something: files of the same names are replaced, others stay')
    .option('--all', 'list also the tensors whose bytes stay the same')
    .option('--quiet', 'no list of tensors')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
The relative error of a tensor is the root mean square of what changed over that of its values.
Repositories of the hub are kept in the cache folder (CASA_CACHE); gated ones need a token in HF_TOKEN.

Examples:
  casa convert model/ model-bf16/ --dtype bf16              half the size, 8 bits of precision
  casa convert model/ model-int8/ --dtype int8 --rest bf16  a quarter
  casa convert model/ model-int4/ --dtype int4 --group 64
  casa convert model.gguf model/                            a folder with tokenizer and template
  casa convert model/ model.gguf --dtype q4_1               and back
  casa convert model/ model-int4/ --dtype int4 --kl         what it costs, in nats a token
  casa convert odd/ names.json --detect                     names that nobody has published: shapes tell
  casa convert odd/ names.json --detect --heads 16          no config.json either: names.config.json is written too
  casa convert odd/ model/ --names names.json --config names.config.json
  casa convert sharded/ merged/                             one file, the same tensors
  casa convert model/ sharded/ --shard-size 500MB
  casa convert hub:Qwen/Qwen2.5-VL-3B-Instruct qwen/ --dtype bf16`,
    )
    .action(run)
}

async function run(from: string, to: string, flags: ConvertFlags): Promise<void> {
  if (flags.detect) {
    const { detect } = await import('../convert/detect.ts')
    return detect(from, to, flags)
  }
  if (flags.heads !== undefined) throw new ConfigError('--heads', 'goes with --detect')
  if (flags.config !== undefined && (flags.names === undefined || isGguf(to)))
    throw new ConfigError('--config', 'goes with --detect, or with --names for a new folder')
  const { folderAt } = await import('@casa-js/weights')
  const text = typeof flags.kl === 'string' ? readText(flags.kl) : undefined
  const progress = createBytesProgress()
  const interrupt = onInterrupt()
  const { signal } = interrupt
  const onFetched = ({ file, receivedBytes, totalBytes }: DownloadProgress) =>
    progress.show(file, receivedBytes, totalBytes ?? receivedBytes)
  const open = () => folderAt(from, { token: process.env.HF_TOKEN || undefined, signal, onProgress: onFetched })
  const run: ConvertRun = {
    signal,
    onProgress: ({ tensor, writtenBytes, totalBytes }) => progress.show(tensor, writtenBytes, totalBytes),
  }
  let report: ConvertReport
  let divergence: Divergence | undefined
  try {
    report = await (isGguf(to) ? toGguf : toFolder)(open, { from, to, flags, run })
    progress.stop()
    if (flags.kl !== undefined) divergence = await diverge(await open(), to, { text, signal })
  } finally {
    interrupt.release()
    progress.stop()
  }
  if (flags.json) return console.log(JSON.stringify({ ...report, ...(divergence && { divergence }) }, null, 1))
  if (!flags.quiet) listTensors(report.tensors, flags.all)
  summarise(to, report)
  if (divergence) console.log(describeDivergence(divergence))
}

interface Job {
  from: string
  to: string
  flags: ConvertFlags
  run: ConvertRun
}

async function toFolder(open: () => Promise<FolderSource>, { from, to, flags, run }: Job): Promise<ConvertReport> {
  const [{ convertModelFolder, parseNamesFile }, { writeFolderWhole }] = await Promise.all([
    import('@casa-js/weights'),
    import('@casa-js/weights/node'),
  ])
  const { dtype } = flags
  if (dtype && !(dtype in dtypes)) throw new ConfigError('--dtype', `${dtype} is for .gguf files; a folder takes int8 or int4`)
  const options: ConvertRun = {
    ...run,
    dtype: dtype && dtypes[dtype as keyof typeof dtypes],
    group: flags.group,
    keep: flags.keep,
    rest: flags.rest && dtypes[flags.rest],
    shardBytes: flags.shardSize,
    names: flags.names === undefined ? undefined : parseNamesFile(readJson(flags.names), flags.names),
    config: flags.config === undefined ? undefined : readJson(flags.config),
  }
  const isRemote = /^(https?|hub):/.test(from)
  return writeFolderWhole(
    to,
    { kind: 'model', reuse: false, force: flags.force ?? false, inputs: isRemote ? [] : [from] },
    async (folder) => convertModelFolder(await open(), folder, options),
  )
}

async function toGguf(open: () => Promise<FolderSource>, { to, flags, run }: Job): Promise<ConvertReport> {
  const { fileSink, openModelFolder, writeGguf } = await import('@casa-js/weights')
  for (const option of ['group', 'keep', 'rest', 'shardSize', 'names'] as const) {
    if (flags[option] !== undefined) throw new ConfigError(`--${option}`, 'is for model folders; a .gguf file has no such choice')
  }
  if (existsSync(to) && !flags.force)
    throw new FileError(to, 'it is there already. Choose another name, or add --force to replace it')
  const model = await openModelFolder(await open(), { signal: run.signal })
  try {
    const before = new Map([...model.weights.entries()].map(([name, { dtype }]) => [name, dtype]))
    const type = flags.dtype && ggufTypes[flags.dtype]
    const tensors = await writeGguf(model, await fileSink(to), { ...run, type })
    return {
      files: [to],
      totalBytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0),
      tensors: tensors.map(({ source, type: stored, name, shape, bytes, error }) => ({
        name,
        shape,
        bytes,
        from: before.get(source)!,
        to: stored,
        error,
      })),
    }
  } finally {
    await model.weights.close()
  }
}

async function diverge(
  original: FolderSource,
  to: string,
  options: { text?: string | undefined; signal?: AbortSignal | undefined },
): Promise<Divergence> {
  const [{ measureDivergence }, { close }, { startDevice }] = await Promise.all([
    import('@casa-js/vlm'),
    import('@casa-js/tensor'),
    import('../device.ts'),
  ])
  await startDevice({ device: 'auto' })
  try {
    return await measureDivergence(original, to, options)
  } finally {
    await close()
  }
}

function describeDivergence({ tokens, kl, largestKl, sameFirst }: Divergence): string {
  const share = (100 * sameFirst).toFixed(1)
  return `predictions on ${tokens} tokens of text: KL ${kl.toPrecision(3)} nats a token, at most ${largestKl.toPrecision(3)}; the same first choice for ${share} %`
}

function isGguf(path: string): boolean {
  return /\.gguf$/i.test(path)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new FileError(path, `this text cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error })
  }
}

/** Tensors that changed, each on its line; of the others only how many there are. */
function listTensors(tensors: readonly ConvertedTensor[], all = false): void {
  const listed = all ? tensors : tensors.filter(({ error }) => error)
  const width = Math.max(...listed.map(({ name }) => name.length), 0)
  for (const { name, shape, from, to, error } of listed) {
    const change = from === to ? to : `${from} -> ${to}`
    const errors = error
      ? `error ${(100 * error.relative).toFixed(3)} %, at most ${error.largest.toPrecision(3)}`
      : out.dim('the same bytes')
    console.log(`${name.padEnd(width)}  ${change.padEnd(11)} ${`[${shape.join(', ')}]`.padEnd(16)} ${errors}`)
  }
  const same = tensors.length - listed.length
  if (same > 0)
    console.log(out.dim(`${same} ${same === 1 ? 'tensor has' : 'tensors have'} the same bytes as before (--all lists them)`))
}

function summarise(to: string, { files, tensors, totalBytes }: ConvertReport): void {
  const changed = tensors.filter(({ error }) => error && error.largest > 0)
  const worst = changed.reduce<ConvertedTensor | undefined>(
    (a, b) => (a && a.error!.relative >= b.error!.relative ? a : b),
    undefined,
  )
  console.log(
    out.bold(
      `${to}: ${tensors.length} tensors, ${megabytes(totalBytes)} in ${files.length} ${files.length === 1 ? 'file' : 'files'}`,
    ),
  )
  console.log(
    worst
      ? `largest relative error ${(100 * worst.error!.relative).toFixed(3)} %, of ${worst.name}`
      : 'every value is what it was',
  )
}

function groupOf(text: string): number {
  const group = Number(text)
  if (Number.isSafeInteger(group) && group > 0 && group % 32 === 0) return group
  throw new InvalidArgumentError('expected a multiple of 32')
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text)
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

function bytesOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(k|M|G)?B?$/i.exec(text)
  const unit = { k: 1e3, m: 1e6, g: 1e9 }[match?.[2]?.toLowerCase() ?? ''] ?? 1
  const bytes = match ? Number(match[1]) * unit : NaN
  if (bytes >= 1) return bytes
  throw new InvalidArgumentError('expected a size such as 500MB or 2GB')
}
