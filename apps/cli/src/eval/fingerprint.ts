/** Which model a result belongs to: its folder's name and what its files hold. */
import { createHash } from 'node:crypto'
import { createReadStream, readdirSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'

/** "reader@3f2a9c01d4e7": the start of a SHA-256 over config, tokenizer and weights. */
export async function modelFingerprint(folder: string): Promise<string> {
  const hash = createHash('sha256')
  const files = readdirSync(folder)
    .filter((name) => /\.(json|jinja|safetensors)$/.test(name))
    .sort()
  for (const name of files) {
    hash.update(name + '\0')
    for await (const part of createReadStream(join(folder, name))) hash.update(part as Buffer)
  }
  return `${basename(resolve(folder))}@${hash.digest('hex').slice(0, 12)}`
}
