/** What only Node has: paths. */
export { fileSink, fileSource, fsFolder as pathFolder } from './files/fs.node.ts'
