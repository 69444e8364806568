/** Writing a model folder. On a disk it appears whole or not at all; in a browser's private file system each file does. */
import { adapterMark, type AdapterBase } from '../adapter/mark.ts'
import type { FolderSink } from '../bytes/folder.ts'
import { commitAfter } from '../bytes/sink.ts'
import { writeSafetensors, type TensorProducer, type WriteOptions } from '../safetensors/writer.ts'
import { writeFolderWhole } from '#platform'
import type { ClaimOptions } from './claim.node.ts'
import { listedSink } from './listed-sink.ts'
import type { ModelFolder } from './model-folder.ts'

/** What a folder is written from. Values that are undefined get no file. */
export interface ModelFolderToWrite extends Omit<ModelFolder, 'name' | 'revision' | 'weights' | 'adapter'> {
  weights: TensorProducer
  /** Makes the folder an adapter: the other tensors of the model come from this base. */
  adapter?: AdapterBase | undefined
}

/** `force`, `reuse` and `inputs` matter for paths only; see `claimFolder`. */
export interface WriteModelOptions extends WriteOptions, Pick<ClaimOptions, 'force' | 'reuse' | 'inputs'> {}

/**
 * Writes a model folder with a casa-folder.json that lists its files.
 * @param folder a path ("opfs:..." in a browser) or any FolderSink. A path must be new, empty, or a model folder that was written by
 *   this function before; everything there that it did not write is kept.
 * @throws FileError when something else lies at the path and `force` is not given; WeightError when the disk is full or a tensor does
 *   not fit its plan. What was there before is untouched then.
 */
export async function writeModelFolder(
  folder: string | FolderSink,
  model: ModelFolderToWrite,
  options: WriteModelOptions = {},
): Promise<void> {
  if (typeof folder !== 'string') return writeFiles(folder, model, options)
  const { force, reuse, inputs } = options
  await writeFolderWhole(folder, { kind: 'model', force, reuse, inputs }, (sink) => writeFiles(sink, model, options))
}

async function writeFiles(folder: FolderSink, model: ModelFolderToWrite, options: WriteOptions): Promise<void> {
  const sink = listedSink(folder)
  const files: [string, unknown][] = [
    ['config.json', model.config],
    ['generation_config.json', model.generationConfig],
    ['tokenizer.json', model.tokenizerJson],
    ['tokenizer_config.json', model.tokenizerConfig],
    ['processor_config.json', model.processorConfig],
    [adapterMark, model.adapter && { base: model.adapter }],
  ]
  for (const [file, value] of files) {
    if (value !== undefined) await writeText(sink, file, `${JSON.stringify(value, null, 2)}\n`)
  }
  if (model.chatTemplate !== undefined) await writeText(sink, 'chat_template.jinja', model.chatTemplate)
  const metadata = { format: 'pt', ...options.metadata }
  await writeSafetensors(await sink.create('model.safetensors'), model.weights, { ...options, metadata })
  await sink.writeMark('model')
}

async function writeText(folder: FolderSink, file: string, text: string): Promise<void> {
  const sink = await folder.create(file)
  await commitAfter(sink, () => sink.write(new TextEncoder().encode(text)))
}
