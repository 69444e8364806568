/** Paths and the cache folder in a browser: the private file system of the page's origin, as "opfs:path". */
export { opfsFile as fileSource, opfsFolder as pathFolder, opfsSink as fileSink, writeFolderWhole } from './files/opfs.browser.ts'
export { opfsCache as defaultCache } from './files/opfs-cache.browser.ts'
export { createHasher } from './files/hash.browser.ts'
export { resolveAddress } from './files/page-address.browser.ts'
