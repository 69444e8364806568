/** The shipped reader as an adapter: its vision encoder and fusion alone, made for its own language model. Its base is named for people. */
import { fileURLToPath } from 'node:url'
import { hashTensor, memoryFolder, openModelFolder, writeModelFolder, type BaseTensor } from '@casa-js/weights'

export const reader = fileURLToPath(new URL('../../../apps/cli/model', import.meta.url))

/** @returns the adapter's files, by name; its base is the reader's folder */
export async function readerAdapter(): Promise<Map<string, Uint8Array>> {
  const whole = await openModelFolder(reader)
  const names = [...whole.weights.entries().keys()]
  const ofBase = names.filter((name) => name.startsWith('model.'))
  const tensors: Record<string, BaseTensor> = {}
  for (const name of ofBase) tensors[name] = { sha256: await hashTensor(whole.weights, name) }
  const folder = memoryFolder('adapter')
  await writeModelFolder(folder, {
    config: whole.config,
    processorConfig: whole.processorConfig,
    adapter: { name: 'a reader', tensors },
    weights: {
      plans: names
        .filter((name) => !ofBase.includes(name))
        .map((name) => ({ name, dtype: 'BF16', shape: whole.weights.entries().get(name)!.shape })),
      produce: ({ name }) => whole.weights.read(name),
    },
  })
  await whole.weights.close()
  return folder.files
}
