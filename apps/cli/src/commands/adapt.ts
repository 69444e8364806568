/** `casa adapt`: make a CASA model of a language model and a vision encoder. */
import { ConfigError } from '@casa-js/base'
import { Option, type Command } from 'commander'
import pc from 'picocolors'
import { createBytesProgress } from '../convert/progress.ts'

interface AdaptFlags {
  vision?: string
  out: string
  keys: string
  place: string
  every: string
  shared?: boolean
  normImages?: boolean
  ffnUpdates?: boolean
  freezeLanguage?: boolean
  visionBlocks: string
  dtype?: 'F32' | 'BF16' | 'F16'
}

export function register(program: Command): void {
  program
    .command('adapt')
    .description('make a CASA model: new layers start from the self-attention weights (arXiv 2512.19535)')
    .argument('<model>', 'folder of a language model, or of a vision-language model such as Qwen2.5-VL')
    .option('--vision <folder>', 'folder with the vision encoder; the model folder itself when it has one')
    .requiredOption('--out <folder>', 'folder of the new model')
    .addOption(
      new Option('--keys <keys>', 'what a text token sees in a new layer').choices(['image+text', 'image']).default('image+text'),
    )
    .addOption(
      new Option('--place <place>', 'beside self-attention, before it, or instead of it')
        .choices(['parallel', 'before', 'replace'])
        .default('parallel'),
    )
    .option('--every <n>', 'only in every n-th block', '1')
    .option('--shared', 'use the self-attention weights themselves: no new parameters')
    .option('--norm-images', "images pass the block's input norm (default with --shared)")
    .option('--ffn-updates', 'images pass the feed-forward halves')
    .option('--freeze-language', "train only what is new and the encoder's last blocks")
    .option('--vision-blocks <n>', 'last blocks of the encoder that train', '4')
    .addOption(new Option('--dtype <dtype>', 'how weights are stored; as they were unless given').choices(['F32', 'BF16', 'F16']))
    .addHelpText(
      'after',
      '\nExamples:\n  casa adapt helium-1-2b/ --vision qwen2.5-vl-3b/ --out casa-helium/\n  casa adapt qwen2.5-vl-3b/ --keys image --freeze-language --out ca-qwen/\n  casa train run.ts                 with model: { folder: "casa-helium" } in the run',
    )
    .action(run)
}

function count(flag: string, text: string, least: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < least)
    throw new ConfigError(`${flag} ${text}`, `expected a whole number of at least ${least}`)
  return value
}

async function run(language: string, flags: AdaptFlags): Promise<void> {
  const fusion = {
    keys: flags.keys,
    place: flags.place,
    every: count('--every', flags.every, 1),
    ...(flags.shared && { shared: true }),
    ...(flags.normImages && { norm_images: true }),
    ...(flags.ffnUpdates && { ffn_updates: true }),
  }
  const trainedVisionBlocks = count('--vision-blocks', flags.visionBlocks, 0)
  const { adapt } = await import('@casa-js/vlm')
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  const progress = createBytesProgress()
  try {
    await adapt(
      {
        language,
        vision: flags.vision,
        fusion,
        trainLanguage: !flags.freezeLanguage,
        trainedVisionBlocks,
        dtype: flags.dtype,
        signal: interrupted.signal,
        onProgress: ({ tensor, writtenBytes, totalBytes }) => progress.show(tensor, writtenBytes, totalBytes),
      },
      flags.out,
    )
  } finally {
    progress.stop()
  }
  console.log(
    `${pc.green('written')} ${flags.out}   (casa info ${flags.out} shows it; casa train a run with model: { folder: ${JSON.stringify(flags.out)} })`,
  )
}
