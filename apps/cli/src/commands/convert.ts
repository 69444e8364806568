/** `casa convert`: a model folder in, another out: cut, merged, in another dtype, or quantised. */
import type { ConvertedTensor, ConvertReport, ConvertRun, DownloadProgress } from '@casa-js/weights'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { createBytesProgress } from '../convert/progress.ts'
import { out } from '../terminal/colours.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { megabytes } from '../terminal/text.ts'

interface ConvertFlags {
  dtype?: 'f32' | 'f16' | 'bf16' | 'int8' | 'int4'
  group?: number
  keep?: RegExp
  rest?: 'f32' | 'f16' | 'bf16'
  shardSize?: number
  force?: boolean
  all?: boolean
  json?: boolean
  quiet?: boolean
}

const dtypes = { f32: 'F32', f16: 'F16', bf16: 'BF16', int8: 'Q8', int4: 'Q4' } as const

export function register(program: Command): void {
  program
    .command('convert')
    .description('convert a model folder: merge or cut its files, change its dtype, quantise it')
    .argument('<from>', 'model folder: a path, an address, or hub:organisation/name[@revision]')
    .argument('<to>', 'the new folder: not there yet, or empty')
    .addOption(new Option('--dtype <dtype>', 'dtype of the weights (default: as they are)').choices(Object.keys(dtypes)))
    .option('--group <columns>', 'inputs that share a scale when quantising, a multiple of 32 (default: 32)', groupOf)
    .option(
      '--keep <pattern>',
      'do not quantise tensors whose names match (default: none; the head takes 8 bits at least)',
      patternOf,
    )
    .addOption(new Option('--rest <dtype>', 'dtype of what is not quantised (default: as it is)').choices(['f32', 'f16', 'bf16']))
    .option('--shard-size <size>', 'cut into files of at most this, e.g. 2GB (default: one file)', bytesOf)
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
  casa convert sharded/ merged/                             one file, the same tensors
  casa convert model/ sharded/ --shard-size 500MB
  casa convert hub:Qwen/Qwen2.5-VL-3B-Instruct qwen/ --dtype bf16`,
    )
    .action(run)
}

async function run(from: string, to: string, flags: ConvertFlags): Promise<void> {
  const [{ convertModelFolder, folderAt }, { writeFolderWhole }] = await Promise.all([
    import('@casa-js/weights'),
    import('@casa-js/weights/node'),
  ])
  const progress = createBytesProgress()
  const interrupt = onInterrupt()
  const { signal } = interrupt
  const options: ConvertRun = {
    dtype: flags.dtype && dtypes[flags.dtype],
    group: flags.group,
    keep: flags.keep,
    rest: flags.rest && dtypes[flags.rest],
    shardBytes: flags.shardSize,
    signal,
    onProgress: ({ tensor, writtenBytes, totalBytes }) => progress.show(tensor, writtenBytes, totalBytes),
  }
  const onFetched = ({ file, receivedBytes, totalBytes }: DownloadProgress) =>
    progress.show(file, receivedBytes, totalBytes ?? receivedBytes)
  const isRemote = /^(https?|hub):/.test(from)
  let report: ConvertReport
  try {
    report = await writeFolderWhole(
      to,
      { kind: 'model', reuse: false, force: flags.force ?? false, inputs: isRemote ? [] : [from] },
      async (folder) => {
        const source = await folderAt(from, { token: process.env.HF_TOKEN || undefined, signal, onProgress: onFetched })
        return convertModelFolder(source, folder, options)
      },
    )
  } finally {
    interrupt.release()
    progress.stop()
  }
  if (flags.json) return console.log(JSON.stringify(report, null, 1))
  if (!flags.quiet) listTensors(report.tensors, flags.all)
  summarise(to, report)
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
