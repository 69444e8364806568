/** A dataset's share of one micro-batch of each update. */
import { CasaError } from '@casa-js/base'
import { type Dataset } from '@casa-js/core'

/**
 * The dataset's own part where it has such; otherwise the examples shard, shard + shards, shard + 2 shards, ..
 *
 * @throws CasaError if the shard would be empty
 */
export function shardOf(dataset: Dataset, shard: number, shards: number): Dataset {
  if (dataset.part && dataset.length >= shards) return dataset.part(shard, shards)
  const length = dataset.length === Infinity ? Infinity : Math.ceil((dataset.length - shard) / shards)
  if (length < 1)
    throw new CasaError(
      `dataset ${dataset.name}: ${dataset.length} examples cannot be dealt to ${shards} micro-batches: lower batch.perStep`,
    )
  return { name: dataset.name, length, get: (index) => dataset.get(index * shards + shard) }
}
