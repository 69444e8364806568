/**
 * adapter.json: which model an adapter was made for, and which of the whole model's tensors come from there.
 *
 *   { "base": { "name": "hub:org/name", "revision": "c0ffee..",
 *               "tensors": { "model.norm.weight": { "sha256": ".." }, "lm_head.weight": { "from": "head.weight", "sha256": ".." } } } }
 *
 * A folder with this file holds the other tensors only, and the config of the whole model.
 */
import { ConfigError, Fields } from '@casa-js/base'
import type { FolderSource } from '../bytes/folder.ts'
import { readText } from '../bytes/source.ts'
import { textLimitBytes } from '../folder/limits.ts'

export const adapterMark = 'adapter.json'

/** A tensor that comes from the base. */
export interface BaseTensor {
  /** Its name in the base; the same as in the model unless given. */
  from?: string
  /** Of its dtype, shape and bytes as the base holds them, see `hashTensor`. 64 hex digits. */
  sha256: string
}

/** The model that an adapter was made for. */
export interface AdapterBase {
  /** Where it is found: "hub:organisation/name", an address, or a name for people. */
  name: string
  /** Commit or tag, where the name is a repository. */
  revision?: string | undefined
  /** By their names in the whole model. */
  tensors: Record<string, BaseTensor>
}

/** @returns undefined for a folder that is not an adapter. @throws ConfigError naming the field that is wrong */
export async function readAdapterMark(folder: FolderSource, signal?: AbortSignal): Promise<AdapterBase | undefined> {
  const source = await folder.open(adapterMark, signal)
  if (!source) return undefined
  const text = await readText(source, signal, textLimitBytes(adapterMark)).finally(() => source.close())
  const where = `${folder.name}/${adapterMark}`
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new ConfigError(where, `not JSON: ${(error as Error).message}`)
  }
  return parseAdapterMark(json, where)
}

/** @param where name of the file in errors */
export function parseAdapterMark(json: unknown, where: string): AdapterBase {
  const base = new Fields(json, where).object('base')
  const listed = base.object('tensors')
  const tensors: [string, BaseTensor][] = Object.keys(base.raw('tensors') as object).map((name) => {
    const entry = listed.object(name)
    const sha256 = entry.string('sha256')
    entry.require(/^[0-9a-f]{64}$/.test(sha256), 'sha256', 'expected 64 hex digits')
    return [name, { ...(entry.has('from') && { from: entry.string('from') }), sha256 }]
  })
  base.require(tensors.length > 0, 'tensors', 'expected at least one tensor')
  return {
    name: base.string('name'),
    ...(base.has('revision') && { revision: base.string('revision') }),
    tensors: Object.fromEntries(tensors),
  }
}

/** "hub:organisation/name@revision", or the name alone */
export function baseAddress({ name, revision }: Pick<AdapterBase, 'name' | 'revision'>): string {
  return revision === undefined ? name : `${name}@${revision}`
}
