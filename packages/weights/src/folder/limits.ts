/** Size limits of the small files of a model folder. A server, a device file or a mistake could make any of them endless. */

const limits: [pattern: RegExp, bytes: number][] = [
  // Vocabularies of a million entries with their merges.
  [/(^|\/)(tokenizer|vocab|added_tokens)\.json$|(^|\/)merges\.txt$/, 256 << 20],
  // One line for each tensor.
  [/\.safetensors\.index\.json$/, 256 << 20],
  [/\.(safetensors|gguf)$/, Infinity],
]

const otherBytes = 16 << 20

/** Most bytes that a file of this name may have, far above any known model's; weights have no limit. */
export function textLimitBytes(file: string): number {
  return limits.find(([pattern]) => pattern.test(file))?.[1] ?? otherBytes
}
