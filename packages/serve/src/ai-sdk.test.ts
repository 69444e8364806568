/** Tests the server with the Vercel AI SDK, through its provider for OpenAI-compatible servers. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { close, init } from '@casa-js/tensor'
import { loadVlm, type Vlm } from '@casa-js/vlm'
import { APICallError, generateText, streamText, tool, type ModelMessage } from 'ai'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { serve, type RunningServer } from './index.ts'

const cli = new URL('../../../apps/cli/', import.meta.url)
const sign = readFileSync(new URL('samples/sign.png', cli))
const messages: ModelMessage[] = [
  {
    role: 'user',
    content: [
      { type: 'file', mediaType: 'image/png', data: sign },
      { type: 'text', text: 'What does it say?' },
    ],
  },
]

let vlm: Vlm
let server: RunningServer
let model: ReturnType<ReturnType<typeof createOpenAICompatible>>
beforeAll(async () => {
  await init({ device: 'wasm' })
  vlm = await loadVlm(fileURLToPath(new URL('model', cli)))
  server = await serve(vlm, { port: 0, modelId: 'reader', token: 'secret' })
  const casa = createOpenAICompatible({ name: 'casa', baseURL: `${server.url}/v1`, apiKey: 'secret', includeUsage: true })
  model = casa('reader')
})
afterAll(async () => {
  await server.close(0)
  vlm.dispose()
  await close()
})

test('generateText and streamText read a picture, with usage and a finish reason', async () => {
  const whole = await generateText({ model, messages })
  expect(whole.text.trim()).not.toBe('')
  expect(whole.finishReason).toBe('stop')
  expect(whole.usage.totalTokens).toBe(whole.usage.inputTokens! + whole.usage.outputTokens!)
  const streamed = streamText({ model, messages })
  let text = ''
  for await (const piece of streamed.textStream) text += piece
  expect(text).toBe(whole.text)
  expect(await streamed.finishReason).toBe('stop')
  expect((await streamed.usage).inputTokens).toBe(whole.usage.inputTokens)
})

test('the next message of a conversation reuses its cache', async () => {
  const first = await generateText({ model, messages, maxOutputTokens: 3 })
  expect(first.finishReason).toBe('length')
  const next: ModelMessage[] = [...messages, ...first.response.messages, { role: 'user', content: 'And what else?' }]
  const second = await generateText({ model, messages: next })
  expect(second.usage.inputTokenDetails.cacheReadTokens).toBe(first.usage.totalTokens! - 1)
})

test('abort ends the answer; what is not supported is an error that names it', async () => {
  const controller = new AbortController()
  const types: string[] = []
  const streamed = streamText({ model, messages, abortSignal: controller.signal })
  for await (const part of streamed.fullStream) {
    types.push(part.type)
    if (part.type === 'text-delta') controller.abort()
  }
  expect(types).toContain('abort')
  const tools = { look: tool({ inputSchema: z.object({ word: z.string() }), execute: ({ word }) => word }) }
  const refused = await generateText({ model, messages, tools }).catch((thrown: unknown) => thrown)
  expect(APICallError.isInstance(refused)).toBe(true)
  expect(refused).toMatchObject({ statusCode: 400, isRetryable: false })
  expect((refused as APICallError).message).toContain('tools: this is not supported')
})
