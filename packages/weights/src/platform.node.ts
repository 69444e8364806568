/** What Node offers: paths, and a cache folder. */
export { fileSink, fileSource, fsFolder as pathFolder } from './files/fs.node.ts'
export { folderCache as defaultCache } from './files/cache.node.ts'
