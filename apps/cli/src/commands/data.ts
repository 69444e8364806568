/** `casa data`: packs pictures and questions into shards, and indexes shards made elsewhere. */
import type { Command } from 'commander'
import { err, out } from '../terminal/colours.ts'
import { wholeNumber } from '../terminal/numbers.ts'
import { megabytes } from '../terminal/text.ts'

export function register(program: Command): void {
  const data = program
    .command('data')
    .description('pack pictures and questions into shards')
    .addHelpText(
      'after',
      `
A shard is a tar file in WebDataset's layout. A run file names a folder of them: "data": { "shards": "shards/" }; it may lie on a server too,
and is read by ranges.

Examples:
  casa data pack questions.jsonl --out shards/
  casa data index shards/                  shards that another tool has made`,
    )
  data
    .command('pack')
    .description('a JSONL file and its pictures -> shards; pictures are copied as they are')
    .argument('<questions.jsonl>', 'the file')
    .requiredOption('--out <folder>', 'a new or an empty folder')
    .option('--images <folder>', "where the pictures are; default: the file's own folder")
    .option('--allow-outside', "read pictures outside that folder too, by '../' or an absolute path")
    .option('--max-mb <n>', 'a shard is closed before it would exceed this many megabytes', wholeNumber(1), 256)
    .option('--force', 'write into a folder that holds something; its shards are replaced')
    .action(pack)
  data
    .command('index')
    .description('list the tar files of a folder and where their samples begin, so that they can be read by ranges')
    .argument('<folder>', 'a folder of .tar files; they are not changed')
    .action(index)
}

interface PackOptions {
  out: string
  images?: string
  allowOutside?: boolean
  maxMb: number
  force?: boolean
}

async function pack(file: string, options: PackOptions): Promise<void> {
  const { jsonlSamples, writeShards } = await import('@casa-js/data')
  const samples = jsonlSamples({
    file,
    imageFolder: options.images,
    allowOutside: options.allowOutside,
    onProblem: ({ line, message, leftOut }) =>
      console.error(`${err.yellow(`${file}:${line}`)}${leftOut ? ' is left out' : ''}: ${message}`),
  })
  const shards = await writeShards(samples, {
    out: options.out,
    maxBytes: options.maxMb * 1e6,
    force: options.force,
    onShard: ({ file: shard, bytes, examples }) => console.log(`${shard}  ${examples} examples, ${megabytes(bytes)}`),
  })
  console.log(out.bold(`${options.out}: ${summary(shards)}`))
}

async function index(folder: string): Promise<void> {
  const { indexShards } = await import('@casa-js/data')
  console.log(out.bold(`${folder}: ${summary(await indexShards(folder))}`))
}

function summary(shards: readonly { bytes: number; examples: number }[]): string {
  const sum = (of: 'bytes' | 'examples') => shards.reduce((total, shard) => total + shard[of], 0)
  return `${shards.length} ${shards.length === 1 ? 'shard' : 'shards'}, ${sum('examples')} examples, ${megabytes(sum('bytes'))}`
}
