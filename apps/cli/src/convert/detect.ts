/**
 * `casa convert --detect`: what a checkpoint's tensors are, as a table, and as a names file. Without a config that can be read, one is inferred
 * from the shapes, and written beside the names file once the number of heads is given, which is in no shape.
 */
import { ConfigError, FileError } from '@casa-js/base'
import type { Detection, FolderSource, Template } from '@casa-js/weights'
import { err, out } from '../terminal/colours.ts'
import { claimFile, writeWhole } from '../terminal/outputs.ts'
import { readJson } from './read-json.ts'

interface DetectFlags {
  config?: string
  heads?: number
  force?: boolean
  json?: boolean
}

/** @param to the names file */
export async function detect(from: string, to: string, flags: DetectFlags): Promise<void> {
  if (!to.endsWith('.json')) throw new FileError(to, '--detect writes a names file: give a name that ends in .json')
  await claimFile(to, { force: flags.force })
  const [{ detectTensors, folderAt, namesFileOf, openWeights }, { allTensors, inferModel, parseVlmConfig }] = await Promise.all([
    import('@casa-js/weights'),
    import('@casa-js/vlm/internal'),
  ])
  const folder = await folderAt(from, { token: process.env.HF_TOKEN || undefined })
  const known = flags.config === undefined ? await configIn(folder, parseVlmConfig) : readJson(flags.config)
  const weights = await openWeights(folder)
  try {
    const entries = weights.entries()
    const inferred = known === undefined ? inferModel(entries, { heads: flags.heads }) : undefined
    const detection = inferred?.detection ?? detectTensors(allTensors(parseVlmConfig(known)), entries)
    const config = inferred && flags.heads !== undefined ? to.replace(/\.json$/, '.config.json') : undefined
    if (config) await claimFile(config, { force: flags.force })
    await writeWhole(to, JSON.stringify(namesFileOf(detection), null, 1) + '\n')
    if (config) await writeWhole(config, JSON.stringify(inferred!.config, null, 2) + '\n')
    const summary = { ...summaryOf(detection), ...(inferred && { config: inferred.config, unknown: inferred.unknown }) }
    if (flags.json) return console.log(JSON.stringify(summary, null, 1))
    for (const line of linesOf(detection)) console.log(line)
    for (const line of inferred ? configLines(inferred, config) : []) console.log(line)
    const withConfig = config ? ` --config ${config}` : ''
    console.error(err.dim(`${to}: written. Next: casa convert ${from} MODEL --names ${to}${withConfig}`))
    if (detection.missing.length > 0) process.exitCode = 1
  } finally {
    await weights.close()
  }
}

/** The folder's config.json, if this library can read it: names may be foreign where the config is not. */
async function configIn(folder: FolderSource, parse: (json: unknown) => unknown): Promise<unknown> {
  const source = await folder.open('config.json')
  if (!source) return undefined
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(await source.read(0, source.size)))
    parse(json)
    return json
  } catch (error) {
    if (ConfigError.isInstance(error) || error instanceof SyntaxError) return undefined
    throw error
  } finally {
    await source.close()
  }
}

/** What was inferred, and what no shape tells. */
function configLines({ config, unknown }: { config: Record<string, unknown>; unknown: string[] }, written?: string): string[] {
  const text = (config.text_config ?? config) as Record<string, unknown>
  const { vision_config: vision, fusion_config: fusion } = config as Record<string, Record<string, unknown> | undefined>
  const every = fusion?.every === 1 ? 'every block' : `every ${fusion?.every}th block`
  return [
    `no config.json that can be read: from the shapes,`,
    `  ${text.model_type}: ${text.num_hidden_layers} blocks, width ${text.hidden_size}, feed-forward ${text.intermediate_size}, ${text.vocab_size} tokens`,
    ...(vision
      ? [
          `  encoder ${vision.model_type}: ${vision.depth} blocks, width ${vision.hidden_size}, feed-forward ${vision.intermediate_size}`,
        ]
      : []),
    ...(fusion ? [`  ${fusion.kind === 'casa' ? `CASA layers in ${every}` : 'no CASA layers'}`] : []),
    ...unknown.map((line) => out.yellow(`  not in the shapes: ${line}`)),
    written
      ? `${written}: written; check what is not in the shapes`
      : 'give --heads N, and a config is written beside the names file',
  ]
}

/** What a tensor of our tables is for. */
function partOf(name: string): string {
  if (name.startsWith('casa.')) return 'CASA layer'
  if (name.startsWith('lm_head.')) return 'head'
  if (/(^|\.)(visual|vision)\./.test(name)) return name.includes('.merger.') ? 'projector' : 'encoder'
  if (/(^|\.)compressor\./.test(name)) return 'compressor'
  if (name.includes('.embed_tokens.')) return 'embedding'
  if (name.includes('.self_attn.')) return 'self-attention'
  return name.includes('.mlp.') ? 'feed-forward' : 'norm'
}

const size = ({ members }: Template): string => {
  const shapes = new Set([...members.values()].map(({ shape }) => `[${shape.join(', ')}]`))
  return `${members.size > 1 ? `${members.size} x ` : ''}${shapes.size > 3 ? `${shapes.size} shapes` : [...shapes].join(', ')}`
}

function linesOf({ pairs, fused, missing, unexplained }: Detection): string[] {
  const rows = [
    ...pairs.map(({ wanted, found, isGuess }) => [partOf(wanted.name), wanted.name, found.name, size(found), isGuess] as const),
    ...fused.map(({ found, parts, isGuess }) => {
      const names = parts.map(({ name }) => name.split('.').at(-2)).join(' + ')
      return [
        partOf(parts[0]!.name),
        `${parts[0]!.name.split('.').slice(0, -2).join('.')}.(${names})`,
        found.name,
        size(found),
        isGuess,
      ] as const
    }),
  ]
  const order = [
    'embedding',
    'self-attention',
    'feed-forward',
    'norm',
    'head',
    'CASA layer',
    'compressor',
    'encoder',
    'projector',
  ]
  rows.sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]))
  const wide = (column: 1 | 2): number => Math.max(0, ...rows.map((row) => row[column].length))
  const guesses = rows.filter((row) => row[4]).length
  return [
    ...rows.map(
      ([part, wanted, found, shape, isGuess]) =>
        `${part.padEnd(15)} ${wanted.padEnd(wide(1))}  <-  ${found.padEnd(wide(2))}  ${shape}${isGuess ? out.yellow('  a guess') : ''}`,
    ),
    ...missing.map((template) => out.red(`missing         ${template.name}  ${size(template)}`)),
    ...unexplained.map((template) => out.yellow(`unexplained     ${template.name}  ${size(template)}`)),
    `${rows.length} explained, ${guesses} of them a guess among tensors of one shape; ${missing.length} missing, ${unexplained.length} unexplained`,
  ]
}

function summaryOf({ pairs, fused, missing, unexplained }: Detection): object {
  return {
    pairs: pairs.map(({ wanted, found, isGuess }) => ({
      part: partOf(wanted.name),
      wanted: wanted.name,
      found: found.name,
      isGuess,
    })),
    fused: fused.map(({ found, parts, isGuess }) => ({ found: found.name, wanted: parts.map(({ name }) => name), isGuess })),
    missing: missing.map(({ name }) => name),
    unexplained: unexplained.map(({ name }) => name),
  }
}
