/** What stands for Node's paths in a browser: the private file system of the page's origin. */
export { opfsFile as fileSource, opfsFolder as pathFolder, opfsSink as fileSink } from './files/opfs.browser.ts'
