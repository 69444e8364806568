/**
 * shards.json, beside the shards that it lists: how many samples each holds, so that a sample is found without reading any shard, and
 * where they begin, in a file of its own for each shard (SHARD.json), which is read when the shard is.
 */
import { ConfigError, Fields } from '@casa-js/base'

export const SHARD_LIST = 'shards.json'

/** File that holds the offsets of a shard's samples. */
export const offsetsFile = (shard: string): string => `${shard}.json`

export interface ListedShard {
  /** Name in the folder of the list. */
  file: string
  bytes: number
  examples: number
}

/** The text of shards.json. */
export function formatShardList(shards: readonly ListedShard[]): string {
  const rows = shards.map((shard) => `    ${JSON.stringify(shard)}`)
  return `{\n  "format": "casa-shards",\n  "version": 1,\n  "shards": [\n${rows.join(',\n')}\n  ]\n}\n`
}

/**
 * Reads shards.json.
 * @throws ConfigError naming the file and the field
 */
export function parseShardList(text: string, name: string): ListedShard[] {
  const f = new Fields(parseJson(text, name), name)
  f.require(f.string('format') === 'casa-shards', 'format', 'expected "casa-shards": this is another file')
  f.require(f.integer('version') === 1, 'version', 'expected 1: a newer version of casa-js made it, and can read it')
  const shards = f.raw('shards')
  f.require(Array.isArray(shards) && shards.length > 0, 'shards', 'expected a list of shards')
  return (shards as unknown[]).map((json, i) => {
    const shard = new Fields(json, `${name}: shards.${i}`)
    const file = shard.string('file')
    shard.require(/^[^/\\]+\.tar$/.test(file), 'file', 'expected the name of a .tar file in the same folder')
    return {
      file,
      bytes: shard.integer('bytes', { min: 0, max: Number.MAX_SAFE_INTEGER }),
      examples: shard.integer('examples', { min: 0 }),
    }
  })
}

/** The text of a shard's offsets: first bytes of its samples, and the byte after the last. */
export function formatOffsets(offsets: readonly number[], end: number): string {
  return `{"offsets":[${offsets.join(',')}],"end":${end}}\n`
}

/**
 * Reads the offsets of a shard.
 *
 * @returns bounds of its samples, one more than there are samples
 * @throws ConfigError when they do not fit what the list says of the shard
 */
export function parseOffsets(text: string, name: string, shard: ListedShard): Float64Array {
  const f = new Fields(parseJson(text, name), name)
  const bounds = Float64Array.from([...f.numbers('offsets'), f.integer('end', { min: 0, max: Number.MAX_SAFE_INTEGER })])
  f.require(
    bounds.length === shard.examples + 1,
    'offsets',
    `expected ${shard.examples}, as shards.json says; index the shards again`,
  )
  const rises = bounds.every(
    (bound, i) => Number.isSafeInteger(bound) && bound <= shard.bytes && (i === 0 || bound > bounds[i - 1]!),
  )
  f.require(rises, 'offsets', `expected rising numbers up to ${shard.bytes}, the size of the shard; index the shards again`)
  return bounds
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ConfigError(name, `not JSON: ${(error as Error).message}`)
  }
}
