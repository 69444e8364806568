/** What stands for paths and the cache folder in a browser: the private file system of the page's origin. */
export { opfsFile as fileSource, opfsFolder as pathFolder, opfsSink as fileSink } from './files/opfs.browser.ts'
export { opfsCache as defaultCache } from './files/opfs-cache.browser.ts'
export { createHasher } from './files/hash.browser.ts'
