/**
 * Conversations kept between requests. A stateless client sends its whole conversation each time; if it continues one that was
 * answered before, the KV cache is reused and only the new message is processed.
 */
import { LRUCache } from 'lru-cache'
import type { Conversation } from '../conversation.ts'

/** One message of a request, with its images not yet decoded. */
export interface Turn {
  role: 'system' | 'user' | 'assistant'
  content: ({ type: 'text'; text: string } | { type: 'image'; /** Equal for equal images: a URL, a hash. */ key: string })[]
}

/** Created by `createKeptConversations`. */
export interface KeptConversations {
  /** How many are kept. */
  readonly count: number
  /** @returns the conversation that ended with these messages, owned by the caller from now on; undefined if there is none */
  take(turns: readonly Turn[]): Promise<Conversation | undefined>
  /** Keep a conversation, keyed by what its client has seen of it; may evict the least recently used one. */
  keep(turns: readonly Turn[], conversation: Conversation): Promise<void>
  /** Frees all kept conversations; later ones are freed at once. */
  dispose(): void
}

/**
 * A cache of conversations, least recently used out first. The caller disposes it.
 * @param capacity largest number of conversations kept; 0 keeps none
 */
export function createKeptConversations(capacity: number): KeptConversations {
  const free = (conversation: Conversation) => conversation.dispose()
  const kept = capacity === 0 ? undefined : new LRUCache<string, Conversation>({ max: capacity })
  let disposed = false
  return {
    get count() {
      return kept?.size ?? 0
    },
    async take(turns) {
      if (!kept || turns.length === 0) return undefined
      const key = await digest(turns)
      const found = kept.get(key)
      kept.delete(key)
      return found
    },
    async keep(turns, conversation) {
      const key = await digest(turns)
      if (!kept || disposed) return free(conversation)
      const same = kept.get(key)
      if (same) free(same)
      else if (kept.size === capacity) {
        const oldest = kept.pop()
        if (oldest) free(oldest)
      }
      kept.set(key, conversation)
    },
    dispose() {
      disposed = true
      for (const conversation of kept?.values() ?? []) free(conversation)
      kept?.clear()
    },
  }
}

/** SHA-256 of roles, texts and image keys. Assistant texts are trimmed, since some clients trim answers. */
async function digest(turns: readonly Turn[]): Promise<string> {
  const lines = turns.map(({ role, content }) => [
    role,
    ...content.map((part) => (part.type === 'image' ? [part.key] : role === 'assistant' ? part.text.trim() : part.text)),
  ])
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(lines)))
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
