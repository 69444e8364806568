/** The run of run.json on shards, which `casa data pack examples/own-pictures/train.jsonl --out runs/own-pictures-shards` makes. */
import { readFileSync } from 'node:fs'

const run = JSON.parse(readFileSync(new URL('./run.json', import.meta.url), 'utf8'))
export default { ...run, data: { shards: '../../runs/own-pictures-shards' }, out: '../../runs/own-pictures-from-shards' }
