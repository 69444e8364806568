/**
 * A session as bytes: a safetensors file whose metadata holds the version, the model and all state that is not a tensor.
 *
 * The model is identified by a hash of its config and of its tensors' names and shapes: otherwise keys and values of another model
 * would be accepted, and the answers would be silently wrong.
 */
import { ArgumentError } from '@casa-js/base'
import type { SequenceContents } from '@casa-js/sequence'
import { shapeOf } from '@casa-js/tensor'
import { encodeSafetensors, memorySource, Safetensors } from '@casa-js/weights'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { VlmModel } from './model.ts'

const VERSION = '1'

/** A hash of everything that keys and values depend on. */
function identityOf({ config, params }: VlmModel): string {
  const names = Object.entries(params).map(([name, weight]) => `${name} ${shapeOf(weight)}`)
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify([config.json, names.sort()]))))
}

/**
 * The bytes of a session: what `Session.save` returns.
 * @param notes anything else to save with it, as strings by name
 */
export async function encodeSession(
  model: VlmModel,
  { tokens, values, tensors }: SequenceContents,
  notes: Record<string, string> = {},
): Promise<Uint8Array> {
  const metadata = {
    ...notes,
    casa_session: VERSION,
    model: identityOf(model),
    tokens: String(tokens),
    values: JSON.stringify(values),
  }
  const entries = Object.entries(tensors).map(([name, { shape, data }]) => [name, { dtype: 'F32', shape, data }] as const)
  return encodeSafetensors(Object.fromEntries(entries), metadata)
}

/**
 * The state of the sequence and the notes that a saved session holds.
 * @throws ArgumentError when the bytes are not a saved session, or are from another version or another model
 */
export async function decodeSession(
  model: VlmModel,
  bytes: Uint8Array,
): Promise<{ contents: SequenceContents; notes: Record<string, string> }> {
  let file: Safetensors
  try {
    file = await Safetensors.open(memorySource('saved session', bytes))
  } catch (error) {
    throw new ArgumentError('these bytes are no saved session', { cause: error })
  }
  const { casa_session: version, model: identity, tokens, values, ...notes } = file.metadata
  if (version !== VERSION)
    throw new ArgumentError(`the saved session has version ${version ?? 'none'}, and ${VERSION} is read here: save it again`)
  if (identity !== identityOf(model))
    throw new ArgumentError('the session was saved by another model: its config or its tensors differ from those of this one')
  const tensors: SequenceContents['tensors'] = {}
  for (const [name, { shape }] of file.entries()) tensors[name] = { shape, data: await file.read(name) }
  try {
    return { contents: { tokens: Number(tokens), values: JSON.parse(values ?? '') as Record<string, number>, tensors }, notes }
  } catch (error) {
    throw new ArgumentError('the saved session is damaged: its numbers cannot be read', { cause: error })
  }
}
