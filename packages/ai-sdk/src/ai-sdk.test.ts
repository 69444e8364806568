/** Tests the provider with the AI SDK itself and the shipped model. */
import { InvalidPromptError, NoSuchModelError, UnsupportedFunctionalityError } from '@ai-sdk/provider'
import type { LanguageModelV4CallOptions, LanguageModelV4Message, LanguageModelV4StreamPart } from '@ai-sdk/provider'
import { close, init, memory } from '@casa-js/tensor'
import { ask, loadVlm, type Vlm } from '@casa-js/vlm'
import { decodeImage } from '@casa-js/vision'
import { createProviderRegistry, generateObject, generateText, streamText, tool, type ModelMessage } from 'ai'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { createCasa, type CasaProvider } from './index.ts'

const cli = new URL('../../../apps/cli/', import.meta.url)
const sign = readFileSync(new URL('samples/sign.png', cli))
const question = { type: 'text' as const, text: 'What does it say?' }
const user = (...content: Extract<ModelMessage, { role: 'user' }>['content'] & object): ModelMessage => ({
  role: 'user',
  content,
})
const about = (image: Uint8Array | string | URL) => user({ type: 'file', mediaType: 'image', data: image }, question)
const messages = [about(sign)]
/** The same question, as the SDK passes it to a provider. */
const prompt: LanguageModelV4Message[] = [
  { role: 'user', content: [{ type: 'file', mediaType: 'image/png', data: { type: 'data', data: sign } }, question] },
]

let vlm: Vlm
let expected: string
let casa: CasaProvider
let before: number
beforeAll(async () => {
  await init({ device: 'wasm' })
  vlm = await loadVlm(fileURLToPath(new URL('model', cli)))
  expected = await ask(vlm, [await decodeImage(sign)], question.text)
  expect(expected).not.toBe('')
})
afterAll(async () => {
  vlm.dispose()
  await close()
})
beforeEach(() => {
  before = memory().tensors
  // An endless model has no stop token, so it generates up to the limit.
  casa = createCasa({ models: { reader: vlm, endless: { ...vlm, stopIds: [] } } })
})
afterEach(async () => {
  casa.dispose()
  // An aborted answer is freed after the SDK has reported the abort.
  await expect.poll(() => memory().tensors, { timeout: 30_000 }).toBe(before)
})

const partsOf = async (changes: Partial<LanguageModelV4CallOptions> = {}): Promise<LanguageModelV4StreamPart[]> => {
  const { stream } = await casa('reader').doStream({ prompt, ...changes })
  const parts: LanguageModelV4StreamPart[] = []
  for await (const part of stream) parts.push(part)
  return parts
}

/** @returns what the work was rejected with; fails when it was not */
const failure = (work: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(work).then(
    () => expect.fail('it should have been rejected'),
    (thrown: unknown) => thrown,
  )

test('generateText reads a picture, with usage and a finish reason', async () => {
  const { text, finishReason, rawFinishReason, usage, response, warnings } = await generateText({
    model: casa('reader'),
    messages,
  })
  expect(text.trim()).toBe(expected)
  expect({ finishReason, rawFinishReason, warnings }).toEqual({ finishReason: 'stop', rawFinishReason: 'stop', warnings: [] })
  expect(response.modelId).toBe('reader')
  expect(response.id).toMatch(/^casa-/)
  expect(usage.inputTokens).toBeGreaterThan(5)
  expect(usage.totalTokens).toBe(usage.inputTokens! + usage.outputTokens!)
  expect(usage.inputTokenDetails).toMatchObject({ noCacheTokens: usage.inputTokens, cacheReadTokens: 0 })
})

test('a picture may be bytes, base64, a data URL, or in the older image part', async () => {
  const base64 = sign.toString('base64')
  const given = [about(base64), about(`data:image/png;base64,${base64}`), about(new URL(`data:image/png;base64,${base64}`))]
  given.push(user({ type: 'image', image: sign }, question))
  for (const message of given) {
    const { text } = await generateText({ model: casa('reader'), messages: [message] })
    expect(text.trim()).toBe(expected)
  }
})

test('doGenerate and doStream have the shapes that the SDK expects, in its order', async () => {
  const whole = await casa('reader').doGenerate({ prompt })
  const text = whole.content[0]!.type === 'text' ? whole.content[0]!.text : ''
  expect(whole).toEqual({
    content: [{ type: 'text', text }],
    finishReason: { unified: 'stop', raw: 'stop' },
    usage: {
      inputTokens: { total: expect.any(Number), noCache: expect.any(Number), cacheRead: 0, cacheWrite: undefined },
      outputTokens: { total: expect.any(Number), text: expect.any(Number), reasoning: undefined },
    },
    response: { id: expect.stringMatching(/^casa-/), timestamp: expect.any(Date), modelId: 'reader' },
    warnings: [],
  })
  expect(text.trim()).toBe(expected)

  const parts = await partsOf()
  const deltas = parts.filter((part) => part.type === 'text-delta')
  expect(deltas.length).toBeGreaterThan(1)
  expect(deltas.map(({ delta }) => delta).join('')).toBe(text)
  expect(deltas.every(({ delta }) => delta !== '')).toBe(true)
  expect(parts).toEqual([
    { type: 'stream-start', warnings: [] },
    { type: 'response-metadata', id: expect.stringMatching(/^casa-/), timestamp: expect.any(Date), modelId: 'reader' },
    { type: 'text-start', id: '0' },
    ...deltas.map(({ delta }) => ({ type: 'text-delta', id: '0', delta })),
    { type: 'text-end', id: '0' },
    { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage: whole.usage },
  ])
})

test('streamText streams the same text', async () => {
  const result = streamText({ model: casa('reader'), messages })
  let text = ''
  let pieces = 0
  for await (const piece of result.textStream) {
    text += piece
    pieces++
  }
  expect(text.trim()).toBe(expected)
  expect(pieces).toBeGreaterThan(1)
  expect(await result.finishReason).toBe('stop')
  expect((await result.usage).outputTokens).toBeGreaterThan(1)
})

test('an answer ends at maxOutputTokens and at a stop sequence', async () => {
  const cut = await generateText({ model: casa('reader'), messages, maxOutputTokens: 2 })
  expect(cut).toMatchObject({ finishReason: 'length', rawFinishReason: 'tokens', usage: { outputTokens: 2 } })
  const whole = await generateText({ model: casa('reader'), messages })
  const stop = whole.text.slice(2, 4)
  const stopped = await generateText({ model: casa('reader'), messages, stopSequences: [stop] })
  expect(stopped.text).toBe(whole.text.slice(0, whole.text.indexOf(stop)))
  expect(stopped).toMatchObject({ finishReason: 'stop', rawFinishReason: 'stop text' })
})

test('greedy unless a temperature is given; a seed makes an answer repeatable', async () => {
  const drawn = { model: casa('reader'), messages, temperature: 2, topP: 0.999, topK: 200, maxOutputTokens: 8 }
  const answer = async (seed: number) => (await generateText({ ...drawn, seed })).text
  expect(await answer(5)).toBe(await answer(5))
  expect(new Set([await answer(1), await answer(2), await answer(3), await answer(4)]).size).toBeGreaterThan(1)
})

test('the next message of a conversation reuses its cache, and is answered as in a new one', async () => {
  const first = await generateText({ model: casa('reader'), messages, system: 'You read signs.' })
  const next = [...messages, ...first.response.messages, user({ type: 'text', text: 'And what else?' })]
  const second = await generateText({ model: casa('reader'), messages: next, system: 'You read signs.' })
  const { cacheReadTokens, noCacheTokens } = second.usage.inputTokenDetails
  expect(cacheReadTokens).toBe(first.usage.totalTokens! - 1)
  expect(noCacheTokens! + cacheReadTokens!).toBe(second.usage.inputTokens)
  // That conversation has continued, so this one starts anew.
  const again = await generateText({ model: casa('reader'), messages: next, system: 'You read signs.' })
  expect(again.usage.inputTokenDetails.cacheReadTokens).toBe(0)
  expect(again.text).toBe(second.text)
})

test('abort stops the generation', async () => {
  const controller = new AbortController()
  const result = streamText({ model: casa('endless'), messages, maxOutputTokens: 900, abortSignal: controller.signal })
  const types: string[] = []
  for await (const part of result.fullStream) {
    types.push(part.type)
    if (part.type === 'text-delta') controller.abort()
  }
  expect(types.at(-1)).toBe('abort')
  expect(types.filter((type) => type === 'text-delta').length).toBeLessThan(10)
  const call = generateText({ model: casa('reader'), messages, abortSignal: AbortSignal.abort() })
  expect(await failure(call)).toMatchObject({ name: 'AbortError' })
})

test('a reader that leaves a stream frees what it held', async () => {
  const { stream } = await casa('endless').doStream({ prompt, maxOutputTokens: 900 })
  const reader = stream.getReader()
  for (let i = 0; i < 4; i++) expect((await reader.read()).done).toBe(false)
  expect(memory().tensors).toBeGreaterThan(before)
  await reader.cancel()
  expect(memory().tensors).toBe(before)
})

test('objects and tools are refused, as no schema is enforced', async () => {
  const object = generateObject({ model: casa('reader'), messages, schema: z.object({ word: z.string() }) })
  expect(UnsupportedFunctionalityError.isInstance(await failure(object))).toBe(true)
  const tools = {
    look: tool({ description: 'Look it up.', inputSchema: z.object({ word: z.string() }), execute: ({ word }) => word }),
  }
  const call = await failure(generateText({ model: casa('reader'), messages, tools }))
  expect(call).toMatchObject({ name: 'AI_UnsupportedFunctionalityError', functionality: 'tools' })
  const without = await generateText({ model: casa('reader'), messages, tools, toolChoice: 'none' })
  expect(without.text.trim()).toBe(expected)
})

test('a setting without effect is warned of', async () => {
  const { warnings } = await casa('reader').doGenerate({ prompt, presencePenalty: 1, frequencyPenalty: 0, reasoning: 'high' })
  expect(warnings).toEqual([
    { type: 'unsupported', feature: 'presencePenalty' },
    { type: 'unsupported', feature: 'reasoning' },
  ])
  const [start] = await partsOf({ presencePenalty: 1 })
  expect(start).toEqual({ type: 'stream-start', warnings: [{ type: 'unsupported', feature: 'presencePenalty' }] })
})

test.each<[string, LanguageModelV4Message[], string]>([
  [
    'a corrupt picture',
    [{ role: 'user', content: [{ type: 'file', mediaType: 'image/png', data: { type: 'data', data: new Uint8Array([1, 2]) } }] }],
    'the image',
  ],
  [
    'a picture that is not base64',
    [{ role: 'user', content: [{ type: 'file', mediaType: 'image', data: { type: 'data', data: '%%%' } }] }],
    'base64',
  ],
  ['a last message of the assistant', [{ role: 'assistant', content: [question] }], 'the last message'],
  ['no message', [], 'the last message'],
  ['more tokens than fit', [{ role: 'user', content: [{ type: 'text', text: 'word '.repeat(5000) }] }], 'more than'],
])('%s is an invalid prompt, before a stream begins', async (_, given, says) => {
  for (const call of [casa('reader').doStream({ prompt: given }), casa('reader').doGenerate({ prompt: given })]) {
    const error = await failure(call)
    expect(InvalidPromptError.isInstance(error)).toBe(true)
    expect((error as Error).message).toContain(says)
  }
})

test.each<[string, LanguageModelV4Message]>([
  [
    'file part media type application/pdf',
    { role: 'user', content: [{ type: 'file', mediaType: 'application/pdf', data: { type: 'data', data: '' } }] },
  ],
  [
    'image parts of the kind "reference": pass the bytes',
    {
      role: 'user',
      content: [{ type: 'file', mediaType: 'image', data: { type: 'reference', reference: { openai: 'file-1' } } }],
    },
  ],
  ['tool messages', { role: 'tool', content: [] }],
  [
    'file parts in messages of the role "assistant"',
    { role: 'assistant', content: [{ type: 'file', mediaType: 'image', data: { type: 'data', data: '' } }] },
  ],
])('%s: refused by name', async (functionality, message) => {
  const error = await failure(casa('reader').doGenerate({ prompt: [message, ...prompt] }))
  expect(error).toMatchObject({ name: 'AI_UnsupportedFunctionalityError', functionality })
})

test('pictures together have a pixel limit', async () => {
  const small = createCasa({ models: { reader: vlm }, maxPixels: 100 })
  const error = await failure(small('reader').doGenerate({ prompt }))
  expect(InvalidPromptError.isInstance(error)).toBe(true)
  expect((error as Error).message).toContain('more than the 100 allowed')
})

test('models are found by name, also in a registry', async () => {
  expect(NoSuchModelError.isInstance(await failure(new Promise((resolve) => resolve(casa('gpt')))))).toBe(true)
  expect(() => casa.embeddingModel('reader')).toThrow(NoSuchModelError)
  const registry = createProviderRegistry({ casa })
  const { text } = await generateText({ model: registry.languageModel('casa:reader'), messages })
  expect(text.trim()).toBe(expected)
})
