/** The files of a model folder other than its weights. */
import { ConfigError } from '@casa-js/base'
import type { FolderSink, FolderSource } from '../bytes/folder.ts'
import { commitAfter } from '../bytes/sink.ts'
import type { ConvertOptions } from './plan.ts'

const companions = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'chat_template.jinja',
  'chat_template.json',
  'processor_config.json',
  'preprocessor_config.json',
  'README.md',
  'LICENSE',
]

/** transformers' names of the dtypes. */
const torchNames = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' }

export async function copyCompanions(
  from: FolderSource,
  to: FolderSink,
  { dtype, rest, config }: ConvertOptions & { config?: unknown; signal?: AbortSignal },
): Promise<void> {
  const float = dtype === 'Q8' || dtype === 'Q4' ? rest : dtype
  for (const file of companions) {
    const bytes = config !== undefined && file === 'config.json' ? encoded(config) : await readWhole(from, file)
    if (!bytes) continue
    const sink = await to.create(file)
    await commitAfter(sink, () =>
      sink.write(file === 'config.json' && float ? renamed(`${from.name}/${file}`, bytes, torchNames[float]) : bytes),
    )
  }
}

async function readWhole(from: FolderSource, file: string): Promise<Uint8Array | undefined> {
  const source = await from.open(file)
  return source && source.read(0, source.size).finally(() => source.close())
}

const encoded = (json: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`)

/** config.json with another dtype, wherever it names one: in itself and in the configs of its parts. */
function renamed(file: string, bytes: Uint8Array, dtype: string): Uint8Array {
  let config: unknown
  try {
    config = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes), (key, value) =>
      (key === 'torch_dtype' || key === 'dtype') && typeof value === 'string' ? dtype : value,
    )
  } catch (error) {
    throw new ConfigError(file, `not JSON: ${(error as Error).message}`)
  }
  return encoded(config)
}
