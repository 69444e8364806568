/** A fuzz target for the GGUF reader: opens a file as a model folder and reads every tensor, as floats and in quantised form. */
import { CasaError } from '@casa-js/base'
import { memoryFolder } from '../bytes/folder.ts'
import { memorySource, readText } from '../bytes/source.ts'
import { ggufFolder, openGguf } from '../gguf/folder.ts'
import { countValues } from '../safetensors/dtypes.ts'
import type { FuzzTarget } from './fuzz.ts'
import { mutateGguf } from './mutate-gguf.ts'

/**
 * A fuzz target that mutates GGUF files and reads everything in them.
 * @param seeds valid GGUF files
 */
export function ggufTarget(seeds: readonly Uint8Array[]): FuzzTarget<Uint8Array> {
  return { seeds, mutate: mutateGguf, read: readAll, isTyped: (error) => error instanceof CasaError }
}

async function readAll(file: Uint8Array): Promise<void> {
  const weights = await openGguf(memorySource('fuzz.gguf', file))
  for (const [name, { dtype, shape }] of weights.entries()) {
    const values = await weights.read(name)
    if (values.length !== countValues(shape)) throw new Error(`${name}: ${values.length} values of shape [${shape}]`)
    if (dtype === 'Q8' || dtype === 'Q4') await weights.readQuantized(name)
  }
  await weights.close()
  // Metadata last: a file may have tensors that can be read and no config.
  const folder = ggufFolder(memoryFolder('fuzz', new Map([['x.gguf', file]])), 'x.gguf')
  for (const small of ['config.json', 'tokenizer.json', 'chat_template.jinja']) {
    const source = await folder.open(small)
    if (source && small.endsWith('.json')) JSON.parse(await readText(source))
  }
}
