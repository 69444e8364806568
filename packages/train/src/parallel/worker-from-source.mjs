/** Entry of a worker when the library runs from its TypeScript sources: Node 20 cannot load those by itself. */
import { register } from 'tsx/esm/api'

register()
await import('./worker.node.ts')
