/** `casa convert --detect`: what a checkpoint's tensors are, as a table, and as a names file. */
import { FileError } from '@casa-js/base'
import type { Detection, Template } from '@casa-js/weights'
import { err, out } from '../terminal/colours.ts'
import { claimFile, writeWhole } from '../terminal/outputs.ts'
import { readJson } from './read-json.ts'

/** @param to the names file */
export async function detect(
  from: string,
  to: string,
  flags: { config?: string; force?: boolean; json?: boolean },
): Promise<void> {
  if (!to.endsWith('.json')) throw new FileError(to, '--detect writes a names file: give a name that ends in .json')
  await claimFile(to, { force: flags.force })
  const [{ detectTensors, namesFileOf, openModelFolder }, { allTensors, parseVlmConfig }] = await Promise.all([
    import('@casa-js/weights'),
    import('@casa-js/vlm/internal'),
  ])
  const opened = await openModelFolder(from)
  try {
    const config = flags.config === undefined ? opened.config : readJson(flags.config)
    const table = allTensors(parseVlmConfig(config, {}, opened.processorConfig))
    const detection = detectTensors(table, opened.weights.entries())
    await writeWhole(to, JSON.stringify(namesFileOf(detection), null, 1) + '\n')
    if (flags.json) return console.log(JSON.stringify(summaryOf(detection), null, 1))
    for (const line of linesOf(detection)) console.log(line)
    console.error(err.dim(`${to}: written. Next: casa convert ${from} MODEL --names ${to}`))
    if (detection.missing.length > 0) process.exitCode = 1
  } finally {
    await opened.weights.close()
  }
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
