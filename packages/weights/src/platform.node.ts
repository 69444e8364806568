/** What Node offers: paths, a cache folder, and fast hashes. */
export { fileSink, fileSource, fsFolder as pathFolder } from './files/fs.node.ts'
export { folderCache as defaultCache } from './files/cache.node.ts'
export { createHasher } from './files/hash.node.ts'
