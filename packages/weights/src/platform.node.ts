/** The platform layer for Node: paths, a cache folder, atomically written folders, and fast hashes. */
export { fileSink, fileSource, fsFolder as pathFolder } from './files/fs.node.ts'
export { folderCache as defaultCache } from './files/cache.node.ts'
export { createHasher } from './files/hash.node.ts'
export { writeFolderWhole } from './folder/whole.node.ts'

/** A text that is not an address is a path. */
export function resolveAddress(_text: string): string | undefined {
  return undefined
}
