/** A tokenizer file, a chat template or a conversation that does not fit: the message says what, where, and what to do. */
export class TokenizerError extends Error {
  override name = 'TokenizerError'
}
