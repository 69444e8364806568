/** A conversation as the page holds it: exchanges that can be stopped, tried again, or edited from any point. */
import { signal } from '@preact/signals'
import type { Answer, ClientConversation, VlmClient } from '@casa-js/web'
import { hasEnded } from './ended.ts'
import { releasePicture, type ShownPicture } from './pictures.ts'

/** A question and its answer. */
export interface Exchange {
  id: number
  question: string
  pictures: ShownPicture[]
  answer: string
  state: 'running' | 'done' | 'stopped' | 'failed'
  stats?: Answer
  error?: Error
}

export const exchanges = signal<Exchange[]>([])

let count = 0
let conversation: { client: VlmClient; open: ClientConversation } | undefined
let running: AbortController | undefined

const update = (id: number, change: Partial<Exchange>) => {
  exchanges.value = exchanges.value.map((one) => (one.id === id ? { ...one, ...change } : one))
}

/** The worker's conversation, opened again with what was said when the model or the past has changed. */
async function conversationOf(client: VlmClient): Promise<ClientConversation> {
  if (conversation?.client === client) return conversation.open
  const earlier = exchanges.value
    .filter(({ state }) => state === 'done' || state === 'stopped')
    .flatMap(({ question, pictures, answer }) => [
      { role: 'user' as const, text: question, pictures: pictures.map(({ blob }) => blob) },
      { role: 'assistant' as const, text: answer },
    ])
  const open = await client.createConversation({}, earlier)
  conversation = { client, open }
  return open
}

/** Forget the worker's conversation; the next question opens one with what is left. */
export async function closeConversation(): Promise<void> {
  const closing = conversation
  conversation = undefined
  await closing?.open.close().catch(() => {})
}

/** Ask, and let the answer grow in `exchanges`. Errors end up there too. */
export async function ask(client: VlmClient, question: string, pictures: ShownPicture[]): Promise<void> {
  const id = ++count
  const stop = (running = new AbortController())
  const open = await conversationOf(client).catch((error: unknown) => error as Error)
  exchanges.value = [...exchanges.value, { id, question, pictures, answer: '', state: 'running' }]
  if (open instanceof Error) return update(id, { state: 'failed', error: open })
  let answer = ''
  try {
    const stats = await open.say(question, {
      pictures: pictures.map(({ blob }) => blob),
      signal: stop.signal,
      attention: true,
      onText: (text) => update(id, { answer: (answer += text) }),
    })
    update(id, { answer: stats.text, state: 'done', stats })
  } catch (error) {
    // The worker's conversation is gone: the next question opens another with what was said.
    if (hasEnded(error as Error)) conversation = undefined
    // A refused question leaves the conversation as it was; what was said before a stop stays in it.
    update(id, stop.signal.aborted ? { state: 'stopped' } : { state: 'failed', error: error as Error })
  }
}

/** End the answer that is being generated. */
export function stopAnswer(): void {
  running?.abort()
}

/** Go back to before an exchange. @returns its question and pictures, to be asked again or edited */
export async function rewind(id: number): Promise<{ question: string; pictures: ShownPicture[] } | undefined> {
  const at = exchanges.value.findIndex((one) => one.id === id)
  const found = exchanges.value[at]
  if (!found) return undefined
  running?.abort()
  for (const later of exchanges.value.slice(at + 1)) later.pictures.forEach(releasePicture)
  exchanges.value = exchanges.value.slice(0, at)
  await closeConversation()
  return { question: found.question, pictures: found.pictures }
}

/** Start anew. */
export async function clearChat(): Promise<void> {
  running?.abort()
  for (const { pictures } of exchanges.value) pictures.forEach(releasePicture)
  exchanges.value = []
  await closeConversation()
}
