/** Which model a result belongs to: its name and what its files hold. */
import { createHash } from 'node:crypto'
import { createReadStream, readdirSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'

/**
 * "reader@3f2a9c01d4e7": the start of a SHA-256 over config, tokenizer and weights.
 * @param model a folder or a file; the address of a model that is not on this machine is its own name.
 */
export async function modelFingerprint(model: string): Promise<string> {
  const status = statSync(model, { throwIfNoEntry: false })
  if (!status) return model
  const paths = status.isFile()
    ? [model]
    : readdirSync(model)
        .filter((name) => /\.(json|jinja|safetensors)$/.test(name))
        .sort()
        .map((name) => join(model, name))
  const hash = createHash('sha256')
  for (const path of paths) {
    hash.update(`${basename(path)}\0`)
    for await (const part of createReadStream(path)) hash.update(part as Buffer)
  }
  return `${basename(resolve(model))}@${hash.digest('hex').slice(0, 12)}`
}
