/** `casa adapt`: make a CASA model from a language model and a vision encoder. */
import { Option, type Command } from 'commander'
import { basename, resolve } from 'node:path'
import { CasaError } from '@casa-js/base'
import { createBytesProgress } from '../convert/progress.ts'
import { describeModel } from '../describe-model.ts'
import { err, out } from '../terminal/colours.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { seedOption } from '../model-options.ts'
import { wholeNumber } from '../terminal/numbers.ts'

interface AdaptFlags {
  vision?: string
  out: string
  force?: boolean
  keys: string
  place: string
  every: number
  shared?: boolean
  normImages?: boolean
  ffnUpdates?: boolean
  zeroOutputs?: boolean
  freezeLanguage?: boolean
  visionBlocks: number
  newProjector?: boolean
  seed: number
  adapter?: boolean
  baseName?: string
  dtype?: 'F32' | 'BF16' | 'F16'
}

export function register(program: Command): void {
  program
    .command('adapt')
    .description('make a CASA model: new layers start from the self-attention weights (arXiv 2512.19535)')
    .argument('<model>', 'folder of a language model, or of a vision-language model such as Qwen2.5-VL')
    .option('--vision <folder>', 'folder with the vision encoder; the model folder itself when it has one')
    .requiredOption('--out <folder>', 'folder of the new model: new or empty')
    .option('--force', 'write into a folder that holds something: files of the same names are replaced, others stay')
    .addOption(
      new Option('--keys <keys>', 'what a text token sees in a new layer').choices(['image+text', 'image']).default('image+text'),
    )
    .addOption(
      new Option('--place <place>', 'beside self-attention, before it, or instead of it')
        .choices(['parallel', 'before', 'replace'])
        .default('parallel'),
    )
    .option('--every <n>', 'only in every n-th block', wholeNumber(1, 10_000), 1)
    .option('--shared', 'use the self-attention weights themselves: no new parameters')
    .option('--norm-images', "images pass the block's input norm (default with --shared)")
    .option('--ffn-updates', 'images pass the feed-forward halves')
    .option(
      '--zero-outputs',
      'new layers add nothing at first: their output projections start from zeros, not from copies. For a frozen language model',
    )
    .option('--freeze-language', "train only what is new and the encoder's last blocks")
    .option('--vision-blocks <n>', 'last blocks of the encoder that train', wholeNumber(0, 10_000), 4)
    .option('--new-projector', 'for an encoder of another output width: its last layer starts anew')
    .addOption(seedOption('seed of the new projector').default(1))
    .option('--adapter', 'write only what trains, beside the name and hashes of the model (with --freeze-language)')
    .option(
      '--base-name <name>',
      'with --adapter: where the model is found, e.g. hub:organisation/name@revision (default: as given)',
    )
    .addOption(new Option('--dtype <dtype>', 'how weights are stored; as they were unless given').choices(['F32', 'BF16', 'F16']))
    .addHelpText(
      'after',
      `
Examples:
  casa adapt helium-1-2b/ --vision qwen2.5-vl-3b/ --out casa-helium/
  casa adapt qwen2.5-vl-3b/ --keys image --freeze-language --out ca-qwen/
  casa adapt smollm2/ --vision reader/ --new-projector --freeze-language --adapter --out eyes/
  casa train run.ts                 with model: { folder: "casa-helium" } in the run`,
    )
    .action(run)
}

async function run(language: string, flags: AdaptFlags): Promise<void> {
  const { vision, out: to, keys, place, every, dtype } = flags
  const fusion = {
    keys,
    place,
    every,
    ...(flags.shared && { shared: true }),
    ...(flags.normImages && { norm_images: true }),
    ...(flags.ffnUpdates && { ffn_updates: true }),
  }
  const [{ adapt }, { openModelFolder }, { writeFolderWhole }] = await Promise.all([
    import('@casa-js/vlm'),
    import('@casa-js/weights'),
    import('@casa-js/weights/node'),
  ])
  const interrupt = onInterrupt()
  const { signal } = interrupt
  const source = await openModelFolder(language, { signal })
  await source.weights.close()
  const { fusion_config } = source.config as { fusion_config?: { kind?: string } }
  if (fusion_config?.kind === 'casa' && !flags.force)
    throw new CasaError(
      `${language}: this is a CASA model already; train it as it is, or add --force to start its CASA layers anew`,
    )
  const progress = createBytesProgress()
  try {
    await writeFolderWhole(
      to,
      { kind: 'model', reuse: false, force: flags.force ?? false, inputs: inputsOf(language, vision) },
      (folder) =>
        adapt(
          {
            language,
            vision,
            fusion,
            trainLanguage: !flags.freezeLanguage,
            trainedVisionBlocks: flags.visionBlocks,
            dtype,
            ...(flags.zeroOutputs && { outputs: 'zeros' as const }),
            ...(flags.newProjector && { newProjector: { seed: flags.seed } }),
            ...(flags.adapter && { adapter: baseNameOf(flags.baseName ?? language) }),
            signal,
            onProgress: ({ tensor, writtenBytes, totalBytes }) => progress.show(tensor, writtenBytes, totalBytes),
          },
          folder,
        ),
    )
  } finally {
    interrupt.release()
    progress.stop()
  }
  console.log(out.bold(`${to}: written`))
  const { lines } = await describeModel(to, flags.adapter ? { base: language } : {})
  for (const line of lines) console.log(line)
  const model = { folder: to, ...(flags.adapter && { base: language }) }
  console.error(err.dim(`train it: casa train run.json with "model": ${JSON.stringify(model)} in the run file`))
}

/** "hub:organisation/name@revision" -> name and revision. Of a folder on this machine only the last part is kept: paths mean nothing elsewhere. */
function baseNameOf(text: string): { name: string; revision?: string } {
  if (/^https?:/.test(text)) return { name: text }
  const at = text.lastIndexOf('@')
  if (at > 0) return { name: text.slice(0, at), revision: text.slice(at + 1) }
  return { name: text.startsWith('hub:') ? text : basename(resolve(text)) }
}

/** Folders on this machine; addresses cannot be overwritten. */
const inputsOf = (...paths: (string | undefined)[]) =>
  paths.filter((path) => path !== undefined).filter((path) => !/^(https?|hub):/.test(path))
