/** A GGUF file presented as a model folder: config.json, tokenizer, chat template and weights, from its metadata. */
import type { FolderSource } from '../bytes/folder.ts'
import { memorySource, type ByteSource } from '../bytes/source.ts'
import { refuse } from '../refuse.ts'
import { configOf } from './config.ts'
import { readGgufHeader, type GgufHeader } from './header.ts'
import { GgufMetadata } from './metadata.ts'
import { interleavedPairs } from './names.ts'
import { GgufWeights } from './source.ts'
import { tokenizerOf } from './tokenizer.ts'

/**
 * A GGUF file presented as the equivalent model folder.
 * @param folder that the file lies in
 * @param file its name
 * @returns a folder that is opened when its first file is asked for
 */
export function ggufFolder(folder: FolderSource, file: string): FolderSource {
  const name = `${folder.name}/${file}`
  const openFile = async (signal?: AbortSignal) =>
    (await folder.open(file, signal)) ?? refuse(name, 'missing', 'there is no such file')
  let files: Promise<ReadonlyMap<string, Uint8Array>> | undefined
  const readFiles = async (signal?: AbortSignal) => {
    const source = await openFile(signal)
    try {
      return filesOf(name, await readGgufHeader(source, signal))
    } finally {
      await source.close()
    }
  }
  return {
    name,
    async open(wanted, signal) {
      files ??= readFiles(signal)
      const bytes = (await files.catch((error: unknown) => ((files = undefined), Promise.reject(error)))).get(wanted)
      return bytes && memorySource(`${name}: ${wanted}`, bytes)
    },
    openWeights: async (signal) => openGguf(await openFile(signal), signal),
  }
}

/**
 * The weights of a GGUF file. The returned source owns the file: `close` closes it, and so does a failure here.
 * @throws WeightError naming file, tensor and the rule that is broken; ConfigError for metadata that is not supported.
 */
export async function openGguf(source: ByteSource, signal?: AbortSignal): Promise<GgufWeights> {
  try {
    const header = await readGgufHeader(source, signal)
    const meta = new GgufMetadata(source.name, header.metadata)
    const architecture = meta.text('general.architecture')
    const q = meta.number(`${architecture}.attention.head_count`)
    const k = meta.optionalNumber(`${architecture}.attention.head_count_kv`) ?? q
    return new GgufWeights(source, header, { heads: interleavedPairs.has(architecture) ? { q, k } : undefined })
  } catch (error) {
    await source.close()
    throw error
  }
}

/** The small files, as a model folder would hold them. */
function filesOf(name: string, { metadata, tensors }: GgufHeader): ReadonlyMap<string, Uint8Array> {
  const meta = new GgufMetadata(name, metadata)
  const config = configOf(meta, tensors)
  const tokenizer = tokenizerOf(meta)
  const { bos_token_id, eos_token_id, pad_token_id } = config
  const json: [string, unknown][] = [
    ['config.json', config],
    ['generation_config.json', { bos_token_id, eos_token_id, pad_token_id }],
    ['tokenizer.json', tokenizer?.tokenizerJson],
    ['tokenizer_config.json', tokenizer?.tokenizerConfig],
  ]
  const template = meta.optionalText('tokenizer.chat_template')
  const texts = [
    ...json.flatMap(([file, value]) => (value === undefined ? [] : ([[file, `${JSON.stringify(value, null, 2)}\n`]] as const))),
    ...(template === undefined ? [] : [['chat_template.jinja', template] as const]),
  ]
  return new Map(texts.map(([file, text]) => [file, new TextEncoder().encode(text)]))
}
