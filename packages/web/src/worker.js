/**
 * The default worker: `createVlmClient` starts it. A page that needs its own exposes `createHost()` the same way. JavaScript, so that
 * one name, ./worker.js, is right in the sources and in what is published: bundlers look for it as it is written.
 */
import { expose } from 'comlink'
import { createHost } from './host.ts'

expose(createHost())
