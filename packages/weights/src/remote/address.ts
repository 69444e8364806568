/** Folders by what a user writes: a path, an address, or a repository of the hub. */
import type { FolderSource } from '../bytes/folder.ts'
import { pathFolder, resolveAddress } from '#platform'
import { httpFolder, type RemoteOptions } from './http-folder.ts'
import { hubFolder } from './hub.ts'

export interface AddressOptions extends RemoteOptions {
  /** Access token of the hub. */
  token?: string | undefined
}

/**
 * A folder by what a user writes; nothing is opened yet.
 * - "models/tiny": a path; in a page an address relative to it
 * - "opfs:models/tiny": in a browser, a folder in the private file system of the origin
 * - "https://host/models/tiny": a folder on a server
 * - "hub:organisation/name" or "hub:organisation/name@revision": a repository of the Hugging Face hub
 */
export async function folderAt(address: string, options: AddressOptions = {}): Promise<FolderSource> {
  const hub = /^hub:([^@]+)(?:@(.+))?$/.exec(address)
  if (hub) return hubFolder(hub[1]!, { ...options, revision: hub[2] })
  const url = /^https?:\/\//.test(address) ? address : resolveAddress(address)
  return url === undefined ? pathFolder(address) : httpFolder(url, options)
}
