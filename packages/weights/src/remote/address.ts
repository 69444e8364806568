/** Opens a folder from user input: a path, an address, or a hub repository. */
import type { FolderSource } from '../bytes/folder.ts'
import { ggufFolder } from '../gguf/folder.ts'
import { pathFolder, resolveAddress } from '#platform'
import { httpFolder, type RemoteOptions } from './http-folder.ts'
import { hubFolder } from './hub.ts'

export interface AddressOptions extends RemoteOptions {
  /** Access token of the hub. */
  token?: string | undefined
}

/**
 * A folder from user input; nothing is opened yet.
 * - "models/tiny": a path; in a page an address relative to it
 * - "opfs:models/tiny": in a browser, a folder in the private file system of the origin
 * - "https://host/models/tiny": a folder on a server
 * - "hub:organisation/name" or "hub:organisation/name@revision": a repository of the Hugging Face hub
 * - any of them followed by "/name.gguf" (before "@revision"): that GGUF file, presented as a model folder
 */
export async function folderAt(address: string, options: AddressOptions = {}): Promise<FolderSource> {
  const hub = /^hub:([^@/]+\/[^@/]+)(?:\/([^@/]+\.gguf))?(?:@(.+))?$/.exec(address)
  if (hub) {
    const folder = await hubFolder(hub[1]!, { ...options, revision: hub[3] })
    return hub[2] === undefined ? folder : ggufFolder(folder, hub[2])
  }
  const url = /^https?:\/\//.test(address) ? address : resolveAddress(address)
  const gguf = splitGguf(url ?? address)
  if (gguf) return ggufFolder(url === undefined ? pathFolder(gguf.folder) : httpFolder(gguf.folder, options), gguf.file)
  return url === undefined ? pathFolder(address) : httpFolder(url, options)
}

/** Folder and name of a GGUF file; undefined for anything else. */
function splitGguf(address: string): { folder: string; file: string } | undefined {
  const match = /^(?:(.*)[/\\])?([^/\\]+\.gguf)$/i.exec(address)
  if (!match) return undefined
  return {
    folder: match[1] === undefined ? (address.startsWith('opfs:') ? 'opfs:' : '.') : match[1] || '/',
    file: match[2]!.replace(/^opfs:/, ''),
  }
}
