/** Folders by what a user writes: a path, an address, or a repository of the hub. */
import type { FolderSource } from '../bytes/folder.ts'
import { pathFolder } from '#platform'
import { httpFolder, type RemoteOptions } from './http-folder.ts'
import { hubFolder } from './hub.ts'

export interface AddressOptions extends RemoteOptions {
  /** Access token of the hub. */
  token?: string | undefined
}

/**
 * - "models/tiny": a path (in a browser: in the private file system of the origin)
 * - "https://host/models/tiny": a folder on a server
 * - "hub:organisation/name" or "hub:organisation/name@revision": a repository of the Hugging Face hub
 */
export async function folderAt(address: string, options: AddressOptions = {}): Promise<FolderSource> {
  const hub = /^hub:([^@]+)(?:@(.+))?$/.exec(address)
  if (hub) return hubFolder(hub[1]!, { ...options, revision: hub[2] })
  return /^https?:\/\//.test(address) ? httpFolder(address, options) : pathFolder(address)
}
