/** `casa convert`: a model folder in, another out: cut, merged, in another dtype, or quantised. */
import { CasaError } from '@casa-js/base'
import type { ConvertedTensor, ConvertReport, ConvertRun, DownloadProgress } from '@casa-js/weights'
import { InvalidArgumentError, Option, type Command } from 'commander'
import pc from 'picocolors'
import { createBytesProgress, megabytes } from '../convert/progress.ts'

interface ConvertFlags {
  dtype?: 'f32' | 'f16' | 'bf16' | 'int8' | 'int4'
  group?: number
  keep?: RegExp
  rest?: 'f32' | 'f16' | 'bf16'
  shardSize?: number
  json?: boolean
  quiet?: boolean
}

const dtypes = { f32: 'F32', f16: 'F16', bf16: 'BF16', int8: 'Q8', int4: 'Q4' } as const

export function register(program: Command): void {
  program
    .command('convert')
    .description('convert a model folder: merge or cut its files, change its dtype, quantise it')
    .argument('<from>', 'model folder: a path, an address, or hub:organisation/name[@revision]')
    .argument('<to>', 'new folder; it must not hold weights yet')
    .addOption(new Option('--dtype <dtype>', 'dtype of the weights (default: as they are)').choices(Object.keys(dtypes)))
    .option('--group <columns>', 'inputs that share a scale when quantising, a multiple of 32 (default: 32)', groupOf)
    .option(
      '--keep <pattern>',
      'do not quantise tensors whose names match (default: token embeddings and output head)',
      patternOf,
    )
    .addOption(new Option('--rest <dtype>', 'dtype of what is not quantised (default: as it is)').choices(['f32', 'f16', 'bf16']))
    .option('--shard-size <size>', 'cut into files of at most this, e.g. 2GB (default: one file)', bytesOf)
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
  casa convert sharded/ merged/                             one file, the same tensors
  casa convert model/ sharded/ --shard-size 500MB
  casa convert hub:Qwen/Qwen2.5-VL-3B-Instruct qwen/ --dtype bf16`,
    )
    .action(run)
}

async function run(from: string, to: string, flags: ConvertFlags): Promise<void> {
  const { convertModelFolder, folderAt, pathFolder } = await import('@casa-js/weights')
  const progress = createBytesProgress()
  const stop = new AbortController()
  const interrupt = () => stop.abort(new CasaError('stopped; nothing half-written is left as weights'))
  process.once('SIGINT', interrupt)
  const options: ConvertRun = {
    dtype: flags.dtype && dtypes[flags.dtype],
    group: flags.group,
    keep: flags.keep,
    rest: flags.rest && dtypes[flags.rest],
    shardBytes: flags.shardSize,
    signal: stop.signal,
    onProgress: ({ tensor, writtenBytes, totalBytes }) => progress.show(tensor, writtenBytes, totalBytes),
  }
  const onFetched = ({ file, receivedBytes, totalBytes }: DownloadProgress) =>
    progress.show(file, receivedBytes, totalBytes ?? receivedBytes)
  let report: ConvertReport
  try {
    const source = await folderAt(from, { token: process.env.HF_TOKEN || undefined, signal: stop.signal, onProgress: onFetched })
    report = await convertModelFolder(source, pathFolder(to), options)
  } finally {
    process.off('SIGINT', interrupt)
    progress.stop()
  }
  if (flags.json) return console.log(JSON.stringify(report, null, 1))
  if (!flags.quiet) listTensors(report.tensors)
  summarise(to, report)
}

function listTensors(tensors: ConvertedTensor[]): void {
  const width = Math.max(...tensors.map(({ name }) => name.length), 0)
  for (const { name, shape, from, to, error } of tensors) {
    const change = from === to ? to : `${from} -> ${to}`
    const errors = error
      ? `error ${(100 * error.relative).toFixed(3)} %, at most ${error.largest.toPrecision(3)}`
      : pc.dim('the same bytes')
    console.log(`${name.padEnd(width)}  ${change.padEnd(11)} ${`[${shape}]`.padEnd(16)} ${errors}`)
  }
}

function summarise(to: string, { files, tensors, totalBytes }: ConvertReport): void {
  const changed = tensors.filter(({ error }) => error && error.largest > 0)
  const worst = changed.reduce<ConvertedTensor | undefined>(
    (a, b) => (a && a.error!.relative >= b.error!.relative ? a : b),
    undefined,
  )
  console.log(
    pc.bold(
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
