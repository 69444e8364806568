/** A fuzz target for the safetensors reader: opens a file and reads every tensor, counting the memory used. */
import { ConfigError, WeightError } from '@casa-js/base'
import { memoryFolder } from '../bytes/folder.ts'
import { memorySource, type ByteSource } from '../bytes/source.ts'
import { openWeights } from '../folder/open-weights.ts'
import { countValues } from '../safetensors/dtypes.ts'
import type { StoredDtype } from '../safetensors/reader.ts'
import type { FuzzTarget } from './fuzz.ts'
import { mutateBytes } from './mutate-bytes.ts'

/** Besides the file itself, reading may allocate at most this many times its size plus one piece. */
const memoryFactor = 2
const slackBytes = 1 << 20

const asFloats = new Set<StoredDtype>(['F32', 'F16', 'BF16', 'Q8', 'Q4'])

/** Deliberately not a CasaError, so that the harness reports it as a failure. */
class TooMuch extends Error {}

/**
 * A fuzz target that mutates safetensors files and reads everything in them.
 * @param seeds valid safetensors files
 */
export function safetensorsTarget(seeds: readonly Uint8Array[]): FuzzTarget<Uint8Array> {
  return {
    seeds,
    mutate: mutateBytes,
    read: readAll,
    isTyped: (error) => error instanceof WeightError || error instanceof ConfigError,
  }
}

async function readAll(file: Uint8Array): Promise<void> {
  const budget = new Budget(file.length)
  const folder = memoryFolder('fuzz')
  const weights = await openWeights({
    ...folder,
    open: async (name) => (name === 'model.safetensors' ? budget.watched(memorySource('fuzz.safetensors', file)) : undefined),
  })
  for (const [name, { dtype, shape }] of weights.entries()) {
    budget.reset()
    if (!asFloats.has(dtype)) {
      await weights.readBytes(name)
      continue
    }
    const values = await weights.read(name)
    if (values.length !== countValues(shape)) throw new Error(`${name}: ${values.length} values of shape [${shape}]`)
    // 4-bit values decoded to float32 are eight times as large, as expected.
    if (dtype !== 'Q4') budget.spend(values.byteLength)
  }
  await weights.close()
}

/** What reading one tensor, or the header, may allocate. */
class Budget {
  private readonly limitBytes: number
  private spentBytes = 0

  constructor(fileBytes: number) {
    this.limitBytes = memoryFactor * fileBytes + slackBytes
  }

  reset(): void {
    this.spentBytes = 0
  }

  spend(bytes: number): void {
    this.spentBytes += bytes
    if (this.spentBytes > this.limitBytes)
      throw new TooMuch(`${this.spentBytes} bytes were read or made, the limit is ${this.limitBytes}`)
  }

  watched(source: ByteSource): ByteSource {
    return {
      ...source,
      read: (begin, end, signal) => {
        this.spend(end - begin)
        return source.read(begin, end, signal)
      },
    }
  }
}
