/** An adapter's folder and its base's as one model folder: the adapter's files first, the base's for what it does not bring. */
import { WeightError } from '@casa-js/base'
import type { FolderSource } from '../bytes/folder.ts'
import { openWeights } from '../folder/open-weights.ts'
import { joinAdapter } from './joined.ts'
import { baseAddress, type AdapterBase } from './mark.ts'

/** Files of the whole model that an adapter leaves to its base. Configs and weights are never taken from there alone. */
export const borrowedFiles = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja', 'generation_config.json']

/** One folder of the two. Its weights are joined when they are opened. */
export function adapterFolder(adapter: FolderSource, base: FolderSource, mark: AdapterBase): FolderSource {
  return {
    name: adapter.name,
    async open(file, signal) {
      return (await adapter.open(file, signal)) ?? (borrowedFiles.includes(file) ? base.open(file, signal) : undefined)
    },
    async openWeights(signal) {
      const own = await openWeights(adapter, { signal })
      try {
        const weights = await openWeights(base, { signal })
        try {
          return await joinAdapter(own, weights, mark, { adapter: adapter.name, base: base.name }, signal)
        } catch (error) {
          await weights.close()
          throw error
        }
      } catch (error) {
        await own.close()
        throw error
      }
    },
  }
}

/** Where an adapter says that its base is; an error when that is a name for people only. */
export function locateBase(adapter: FolderSource, mark: AdapterBase): string {
  if (/^(hub:|https?:)/.test(mark.name)) return baseAddress(mark)
  throw new WeightError(
    `${adapter.name}: this folder is an adapter for ${baseAddress(mark)}: give the folder of that model as its base`,
    { file: adapter.name, rule: 'base' },
  )
}
