/**
 * The default worker: `createVlmClient` starts it. A page that needs its own exposes `createHost()` the same way. JavaScript, and in a folder
 * of this name, so that one address, ./standalone/worker.js, is right in the sources and in what is published. There it is this module with
 * all that it imports: development servers pass files of node_modules on as they are, and some of the imports are CommonJS.
 */
import { expose } from 'comlink'
import { createHost } from '../host.ts'

expose(createHost())
