/** `casa info`: what a model folder holds. */
import type { Command } from 'commander'
import pc from 'picocolors'
import { shippedModel } from '../shipped.ts'

export function register(program: Command): void {
  program
    .command('info')
    .description('show what a model folder holds: parts, parameters, dtypes, and whether its weights fit its config')
    .argument('[folder]', 'model folder', shippedModel)
    .option('--tensors', 'list every tensor')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  casa info\n  casa info my-model/ --tensors')
    .action(run)
}

const sizeOf = (shape: number[]) => shape.reduce((product, extent) => product * extent, 1)
const count = (n: number) => (n >= 1e6 ? `${(n / 1e6).toFixed(2)} M` : n >= 1e3 ? `${(n / 1e3).toFixed(1)} k` : String(n))

async function run(folder: string, flags: { tensors?: boolean; json?: boolean }): Promise<void> {
  const { openModelFolder, matchTable } = await import('@casa-js/weights')
  const { allTensors, parseVlmConfig, withoutTiedHead } = await import('@casa-js/vlm')
  const opened = await openModelFolder(folder)
  try {
    const config = parseVlmConfig(opened.config, {}, opened.processorConfig)
    const table = allTensors(config)
    const entries = opened.weights.entries()
    matchTable(table, opened.weights, { names: withoutTiedHead(table) })
    const parts = new Map<string, number>()
    for (const [name, { shape }] of entries) {
      const part = name.startsWith('casa.') ? 'fusion' : /(^|\.)(visual|vision)\./.test(name) ? 'vision' : 'language'
      parts.set(part, (parts.get(part) ?? 0) + sizeOf(shape))
    }
    const dtypes = [...new Set([...entries.values()].map(({ dtype }) => dtype))]
    const facts = {
      folder: opened.name,
      language: config.backbone.family.modelType,
      vision: config.vision?.family.modelType,
      fusion: config.fusion,
      parameters: Object.fromEntries(parts),
      total: [...parts.values()].reduce((a, b) => a + b, 0),
      dtypes,
      tokenizer: opened.tokenizerJson !== undefined,
      chatTemplate: opened.chatTemplate !== undefined || opened.processorConfig !== undefined,
      metadata: opened.weights.metadata,
    }
    if (flags.json) return console.log(JSON.stringify(facts, null, 1))
    console.log(pc.bold(facts.folder))
    console.log(`  language   ${facts.language}, ${count(parts.get('language') ?? 0)} parameters`)
    if (facts.vision) console.log(`  vision     ${facts.vision}, ${count(parts.get('vision') ?? 0)} parameters`)
    console.log(`  fusion     ${JSON.stringify(facts.fusion)}, ${count(parts.get('fusion') ?? 0)} parameters`)
    console.log(
      `  weights    ${count(facts.total)} parameters in ${entries.size} tensors, ${dtypes.join(', ')}; all fit config.json`,
    )
    console.log(
      `  talks      ${facts.tokenizer ? 'tokenizer' : pc.yellow('no tokenizer')}, ${facts.chatTemplate ? 'chat template' : pc.yellow('no chat template')}`,
    )
    for (const [key, value] of Object.entries(facts.metadata)) console.log(pc.dim(`  ${key}: ${value}`))
    if (flags.tensors) for (const [name, { shape, dtype }] of entries) console.log(`  ${dtype.padEnd(5)} ${name} [${shape}]`)
  } finally {
    await opened.weights.close()
  }
}
