/** How large the small files of a model folder may be. A server, a device file or a mistake could make any of them endless. */

const limits: [pattern: RegExp, bytes: number][] = [
  // Vocabularies of a million entries with their merges.
  [/(^|\/)(tokenizer|vocab|added_tokens)\.json$|(^|\/)merges\.txt$/, 256 << 20],
  // One line for each tensor.
  [/\.safetensors\.index\.json$/, 256 << 20],
  [/\.(safetensors|gguf)$/, Infinity],
]

const otherBytes = 16 << 20

/** Bytes that a file of this name may have: none of the known small files is near its limit; weights have none. */
export function textLimitBytes(file: string): number {
  return limits.find(([pattern]) => pattern.test(file))?.[1] ?? otherBytes
}
