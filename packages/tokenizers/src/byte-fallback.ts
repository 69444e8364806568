/**
 * Decoding of byte tokens ("<0xEF>") as the Rust original does it: bytes that are not valid UTF-8 give one U+FFFD each, and U+FEFF is a
 * character like any other. @huggingface/tokenizers takes it for a byte order mark, and drops it.
 */
const byteToken = /^<0x([0-9A-Fa-f]{2})>$/

/** Runs of byte tokens become text; other tokens stay what they are. */
export function decodeByteTokens(tokens: readonly string[]): string[] {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const texts: string[] = []
  let bytes: number[] = []
  const flush = (): void => {
    if (bytes.length === 0) return
    try {
      texts.push(decoder.decode(Uint8Array.from(bytes)))
    } catch {
      texts.push(...bytes.map(() => '\uFFFD'))
    }
    bytes = []
  }
  for (const token of tokens) {
    const match = byteToken.exec(token)
    if (match) {
      bytes.push(Number.parseInt(match[1]!, 16))
    } else {
      flush()
      texts.push(token)
    }
  }
  flush()
  return texts
}

/** The part of the library's decoders used here; their own types do not resolve under NodeNext. */
interface Decoder {
  config: { type?: string }
  decoders?: Decoder[]
  decode_chain(tokens: string[]): string[]
}

/** Replaces the library's byte decoder with `decodeByteTokens` wherever a pipeline decodes byte tokens. */
export function mendByteFallback(decoder: Decoder | null): void {
  if (decoder?.config.type === 'ByteFallback') decoder.decode_chain = decodeByteTokens
  for (const each of decoder?.decoders ?? []) mendByteFallback(each)
}
