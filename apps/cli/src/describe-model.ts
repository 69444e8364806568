/** What a model folder holds, in a few lines: `casa info` prints it, and so do the commands that make one. */
import type { BaseFlag } from './model-options.ts'
import { out } from './terminal/colours.ts'

export interface ModelDescription {
  /** For programs. */
  facts: {
    folder: string
    /** For an adapter: the model that it was made for, and how many of the tensors come from there. */
    base: { name: string; tensors: number } | undefined
    language: string
    vision: string | undefined
    fusion: unknown
    /** Of "language", "vision" and "fusion". */
    parameters: Record<string, number>
    total: number
    dtypes: string[]
    tokenizer: boolean
    chatTemplate: boolean
    metadata: Record<string, string>
  }
  /** For people. */
  lines: string[]
  /** Name, dtype and shape of every tensor. */
  tensors: { name: string; dtype: string; shape: readonly number[] }[]
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, extent) => product * extent, 1)
const count = (n: number) => (n >= 1e6 ? `${(n / 1e6).toFixed(2)} M` : n >= 1e3 ? `${(n / 1e3).toFixed(1)} k` : String(n))

/** Reads config and headers, no weights. @throws CasaError listing every tensor that does not fit the config. */
export async function describeModel(folder: string, { base }: BaseFlag = {}): Promise<ModelDescription> {
  const { baseAddress, openModelFolder } = await import('@casa-js/weights')
  const { matchTable } = await import('@casa-js/weights/internal')
  const { allTensors, parseVlmConfig, withoutTiedHead } = await import('@casa-js/vlm/internal')
  const opened = await openModelFolder(folder, { base })
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
    const facts = {
      folder: opened.name,
      base: opened.adapter && {
        name: baseAddress(opened.adapter.base),
        tensors: Object.keys(opened.adapter.base.tensors).length,
      },
      language: config.backbone.family.modelType,
      vision: config.vision?.family.modelType,
      fusion: { kind: config.fusion.family.kind, ...(config.fusion.config as object | undefined) },
      parameters: Object.fromEntries(parts),
      total: [...parts.values()].reduce((a, b) => a + b, 0),
      dtypes: [...new Set([...entries.values()].map(({ dtype }) => dtype))],
      tokenizer: opened.tokenizerJson !== undefined,
      chatTemplate: opened.chatTemplate !== undefined || opened.processorConfig !== undefined,
      metadata: opened.weights.metadata,
    }
    return {
      facts,
      lines: linesOf(facts, entries.size),
      tensors: [...entries].map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    }
  } finally {
    await opened.weights.close()
  }
}

function linesOf(
  { base, language, vision, fusion, parameters, total, dtypes, tokenizer, chatTemplate, metadata }: ModelDescription['facts'],
  tensors: number,
): string[] {
  const part = (name: string) => `${count(parameters[name] ?? 0)} parameters`
  const or = (there: boolean, name: string) => (there ? name : out.yellow(`no ${name}`))
  return [
    ...(base ? [`  adapter    for ${base.name}, which holds ${base.tensors} of its tensors`] : []),
    `  language   ${language}, ${part('language')}`,
    ...(vision ? [`  vision     ${vision}, ${part('vision')}`] : []),
    `  fusion     ${JSON.stringify(fusion)}, ${part('fusion')}`,
    `  weights    ${count(total)} parameters in ${tensors} tensors, ${dtypes.join(', ')}; all fit config.json`,
    `  talks      ${or(tokenizer, 'tokenizer')}, ${or(chatTemplate, 'chat template')}`,
    ...Object.entries(metadata).map(([key, value]) => out.dim(`  ${key}: ${value}`)),
  ]
}
