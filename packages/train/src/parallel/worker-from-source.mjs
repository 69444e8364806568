/**
 * Entry of a worker when the library runs from its TypeScript sources: Node 20 cannot load those by itself. Its argument is the module to run.
 */
import { register } from 'tsx/esm/api'

register()
await import(process.argv[2])
