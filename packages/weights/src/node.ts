/** For Node only: folders that commands write to, and the cache folder as files on disk. */
export { claimFolder, type ClaimOptions, type FolderClaim } from './folder/claim.node.ts'
export { markOf } from './folder/replaced.node.ts'
export { writeFolderWhole } from './folder/whole.node.ts'
export { folderMark, type FolderMark } from './folder/mark.ts'
export { defaultCacheFolder } from './files/cache.node.ts'
export {
  clearCache,
  listCache,
  verifyCache,
  type CachedFile,
  type CacheRun,
  type VerifiedFile,
} from './files/cache-contents.node.ts'
