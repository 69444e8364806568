/** Tests the server with the shipped model and OpenAI's own client. */
import { close, init, memory } from '@casa-js/tensor'
import { loadVlm, type Vlm } from '@casa-js/vlm'
import { readFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import OpenAI, { APIError } from 'openai'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { serve, type RunningServer, type ServeOptions } from './index.ts'

const cli = new URL('../../../apps/cli/', import.meta.url)
const sign = readFileSync(new URL('samples/sign.png', cli))
const url = `data:image/png;base64,${sign.toString('base64')}`
const text = (value: string) => ({ type: 'text' as const, text: value })
const image = (address: string) => ({ type: 'image_url' as const, image_url: { url: address } })
const question = { role: 'user' as const, content: [image(url), text('What does it say?')] }

let vlm: Vlm
let server: RunningServer | undefined
beforeAll(async () => {
  await init({ device: 'wasm' })
  vlm = await loadVlm(fileURLToPath(new URL('model', cli)))
})
afterAll(async () => {
  vlm.dispose()
  await close()
})
afterEach(async () => {
  await server?.close(0)
  server = undefined
  expect(wrong).toEqual([])
})

const wrong: unknown[] = []

async function start(options: ServeOptions = {}, apiKey = 'none', model = vlm): Promise<OpenAI> {
  server = await serve(model, { port: 0, modelId: 'reader', onError: (error) => wrong.push(error), ...options })
  return new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 })
}

/** This model has no stop token: it generates up to the limit. */
const startEndless = (options: ServeOptions) => start({ ...options, maxTokens: 900 }, 'none', { ...vlm, stopIds: [] })

const ask = (client: OpenAI, changes: object = {}) =>
  client.chat.completions.create({ model: 'reader', messages: [question], stream: false, ...changes })

/** Reads a value from /metrics. */
async function metric(name: string): Promise<number> {
  const page = await (await fetch(`${server!.url}/metrics`)).text()
  return Number(
    page
      .split('\n')
      .find((line) => line.startsWith(`${name} `))!
      .slice(name.length),
  )
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10))
}

const failure = async (work: Promise<unknown>): Promise<APIError> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(APIError)
  return error as APIError
}

test('a picture is read, with usage and a reason for the end', async () => {
  const client = await start()
  const { choices, usage, model, object } = await ask(client)
  expect({ model, object }).toEqual({ model: 'reader', object: 'chat.completion' })
  expect(choices).toHaveLength(1)
  expect(choices[0]!.finish_reason).toBe('stop')
  expect(choices[0]!.message.content!.trim()).not.toBe('')
  expect(usage!.total_tokens).toBe(usage!.prompt_tokens + usage!.completion_tokens)
  const cut = await ask(client, { max_completion_tokens: 2 })
  expect(cut.choices[0]!.finish_reason).toBe('length')
  expect(cut.usage!.completion_tokens).toBe(2)
  expect(choices[0]!.message.content!.startsWith(cut.choices[0]!.message.content!)).toBe(true)
})

test('a stream says the same, piece by piece', async () => {
  const client = await start()
  const whole = await ask(client)
  const stream = await client.chat.completions.create({
    model: 'reader',
    messages: [question],
    stream: true,
    stream_options: { include_usage: true },
  })
  let said = ''
  let finish: string | null = null
  let usage: OpenAI.CompletionUsage | null | undefined
  let pieces = 0
  for await (const chunk of stream) {
    const [choice] = chunk.choices
    if (choice?.delta.content) pieces++
    said += choice?.delta.content ?? ''
    finish = choice?.finish_reason ?? finish
    usage = chunk.usage
  }
  expect(said).toBe(whole.choices[0]!.message.content)
  expect(pieces).toBeGreaterThan(1)
  expect(finish).toBe('stop')
  expect(usage).toMatchObject(whole.usage!)
})

test('stop sequences end an answer, whole and streamed; the same seed draws the same', async () => {
  const client = await start()
  const whole = (await ask(client)).choices[0]!.message.content!
  const stop = whole.slice(2, 5)
  const { choices } = await ask(client, { stop })
  expect(choices[0]!.message.content).toBe(whole.slice(0, whole.indexOf(stop)))
  expect(choices[0]!.finish_reason).toBe('stop')
  let said = ''
  const stream = await client.chat.completions.create({ model: 'reader', messages: [question], stream: true, stop: [stop] })
  for await (const chunk of stream) said += chunk.choices[0]!.delta.content ?? ''
  expect(said).toBe(choices[0]!.message.content)
  const drawn = { temperature: 2, top_p: 0.999, seed: 5, max_tokens: 8 }
  const [one, two] = [await ask(client, drawn), await ask(client, drawn)]
  expect(one.choices[0]!.message.content).toBe(two.choices[0]!.message.content)
  const others = await Promise.all([1, 2, 3].map((seed) => ask(client, { ...drawn, seed })))
  expect(new Set(others.map((each) => each.choices[0]!.message.content)).size).toBeGreaterThan(1)
})

test('a second message goes on from the first, and the answer is that of a fresh conversation', async () => {
  const client = await start()
  const first = await ask(client)
  const said = { role: 'assistant' as const, content: first.choices[0]!.message.content!.trim() }
  const messages = [question, said, { role: 'user' as const, content: 'And what else?' }]
  const second = await ask(client, { messages })
  const { prompt_tokens: promptTokens, prompt_tokens_details: details } = second.usage!
  expect(details!.cached_tokens).toBe(first.usage!.prompt_tokens + first.usage!.completion_tokens - 1)
  expect(details!.cached_tokens!).toBeLessThan(promptTokens)
  // That conversation has continued, so the same earlier messages are processed again.
  const again = await ask(client, { messages })
  expect(again.usage!.prompt_tokens_details!.cached_tokens).toBe(0)
  expect(again.choices[0]!.message.content).toBe(second.choices[0]!.message.content)
})

test('a client that goes ends its answer, and nothing stays on the device', async () => {
  const before = memory().tensors
  const client = await startEndless({ keptConversations: 0 })
  const stream = await client.chat.completions.create({ model: 'reader', messages: [question], stream: true })
  for await (const _ of stream) break
  await until(async () => (await metric('casa_running_requests')) === 0)
  const controller = new AbortController()
  const aborted = client.chat.completions
    .create({ model: 'reader', messages: [question] }, { signal: controller.signal })
    .catch((error: unknown) => error)
  await until(async () => (await metric('casa_running_requests')) > 0)
  controller.abort()
  expect(await aborted).toBeInstanceOf(OpenAI.APIUserAbortError)
  await until(async () => (await metric('casa_running_requests')) === 0)
  expect(await metric('casa_request_seconds_count{status="gone"}')).toBe(2)
  expect(memory().tensors).toBe(before)
})

test('a short answer need not wait for a long one', async () => {
  const client = await startEndless({ maxRunning: 2 })
  const order: string[] = []
  const long = ask(client, { max_tokens: 120 }).then(() => order.push('long'))
  await until(async () => (await metric('casa_running_requests')) === 1)
  await ask(client, { max_tokens: 5 }).then(() => order.push('short'))
  await long
  expect(order).toEqual(['short', 'long'])
})

test('too many at once are told when to come again; the others are answered in turn', async () => {
  const client = await start({ maxRunning: 2, maxWaiting: 2 })
  const results = await Promise.allSettled(Array.from({ length: 7 }, () => ask(client)))
  const refused = results.filter((each) => each.status === 'rejected').map(({ reason }) => reason as APIError)
  expect(refused).toHaveLength(3)
  for (const error of refused) {
    expect(error).toBeInstanceOf(OpenAI.RateLimitError)
    expect(Number(error.headers!.get('retry-after'))).toBeGreaterThanOrEqual(1)
  }
  const answers = results.filter((each) => each.status === 'fulfilled').map(({ value }) => value.choices[0]!.message.content)
  expect(new Set(answers).size).toBe(1)
})

test.each([
  ['model', 404, { model: 'gpt' }],
  ['messages', 400, { messages: [] }],
  ['messages[0].role', 400, { messages: [{ role: 'robot', content: 'x' }] }],
  ['messages[0].role', 400, { messages: [{ role: 'assistant', content: 'x' }] }],
  ['messages[0].content', 400, { messages: [{ role: 'user', content: 5 }] }],
  ['messages[0].content[0].type', 400, { messages: [{ role: 'user', content: [{ type: 'video' }] }] }],
  ['messages[0].content[0].image_url.url', 400, { messages: [{ role: 'user', content: [image('http://127.0.0.1/a.png')] }] }],
  ['messages[0].content[0].image_url.url', 400, { messages: [{ role: 'user', content: [image('data:image/png;base64,AAAA')] }] }],
  ['messages[0].content[0].image_url.url', 400, { messages: [{ role: 'user', content: [image('file:///etc/passwd')] }] }],
  ['messages', 400, { messages: [{ role: 'user', content: 'word '.repeat(5000) }] }],
  ['temperature', 400, { temperature: 3 }],
  ['top_p', 400, { top_p: -1 }],
  ['max_tokens', 400, { max_tokens: 0 }],
  ['seed', 400, { seed: 0.5 }],
  ['stop', 400, { stop: ['a', 'b', 'c', 'd', 'e'] }],
  ['n', 400, { n: 2 }],
  ['tools', 400, { tools: [{ type: 'function', function: { name: 'f' } }] }],
  ['response_format', 400, { response_format: { type: 'json_object' } }],
])('bad input is refused by its field: %s', async (param, status, changes) => {
  const client = await start()
  for (const stream of [false, true]) {
    const error = await failure(ask(client, { ...changes, stream }))
    expect(error).toMatchObject({ param, status, type: 'invalid_request_error' })
    expect(error.message).toContain(status === 404 ? 'gpt' : param)
  }
})

test('a body and pictures have their limits, and a body is JSON', async () => {
  const client = await start({ maxBodyBytes: 100_000, maxPixels: 1000 })
  expect(await failure(ask(client))).toMatchObject({ status: 400, param: 'messages[0].content[0].image_url.url' })
  const long = await failure(ask(client, { messages: [{ role: 'user', content: 'x'.repeat(100_000) }] }))
  expect(long).toMatchObject({ status: 413, code: 'body_too_large' })
  const post = (body: string, type: string) =>
    fetch(`${server!.url}/v1/chat/completions`, { method: 'POST', body, headers: { 'content-type': type } })
  expect((await post('{', 'application/json')).status).toBe(400)
  expect((await post('{}', 'text/plain')).status).toBe(415)
  expect((await fetch(`${server!.url}/nowhere`)).status).toBe(404)
})

test('pictures at addresses are fetched where that is allowed', async () => {
  const files = createServer((_, response) => response.end(sign))
  await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(files.address() as AddressInfo).port}/sign.png`
  const messages = [{ role: 'user', content: [image(address), text('What does it say?')] }]
  try {
    const client = await start({ allowHttpImages: 'private' })
    const fetched = await ask(client, { messages })
    expect(fetched.choices[0]!.message.content).toBe((await ask(client)).choices[0]!.message.content)
    await server!.close()
    const error = await failure(ask(await start({ allowHttpImages: true }), { messages }))
    expect(error).toMatchObject({ status: 400, param: 'messages[0].content[0].image_url.url' })
    expect(error.message).toContain('127.0.0.1 is not a public address')
  } finally {
    files.close()
  }
})

test('no more conversations are kept than was said, and the oldest goes first', async () => {
  const client = await start({ keptConversations: 1 })
  const first = await ask(client)
  await ask(client, { messages: [{ role: 'user', content: [image(url), text('What is it?')] }] })
  expect(await metric('casa_kept_conversations')).toBe(1)
  const said = { role: 'assistant', content: first.choices[0]!.message.content }
  const second = await ask(client, { messages: [question, said, { role: 'user', content: 'And?' }] })
  expect(second.usage!.prompt_tokens_details!.cached_tokens).toBe(0)
})

test('a page that calls this machine by a name of its own is refused', async () => {
  await start()
  const status = (host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = { host }
      get(`${server!.url}/v1/models`, { headers }, (response) => resolve(response.resume().statusCode)).on('error', reject)
    })
  const { port } = new URL(server!.url)
  expect(await status(`evil.example:${port}`)).toBe(403)
  for (const name of ['localhost', '127.0.0.1', '[::1]']) expect(await status(`${name}:${port}`)).toBe(200)
})

test('a token is asked for, and needed where other machines can reach the server', async () => {
  await expect(serve(vlm, { host: '0.0.0.0', port: 0 })).rejects.toThrow(/give a token/)
  for (const token of ['', 'a b']) await expect(serve(vlm, { token, port: 0 })).rejects.toThrow(/token: expected/)
  const client = await start({ token: 'secret' }, 'wrong')
  expect(await failure(ask(client))).toMatchObject({ status: 401, code: 'invalid_api_key' })
  const known = new OpenAI({ baseURL: `${server!.url}/v1`, apiKey: 'secret', maxRetries: 0 })
  expect((await known.models.list()).data.map(({ id }) => id)).toEqual(['reader'])
  expect((await known.models.retrieve('reader')).object).toBe('model')
  expect(await (await fetch(`${server!.url}/healthz`)).json()).toMatchObject({ status: 'ok', model: 'reader' })
  expect((await fetch(`${server!.url}/metrics`)).status).toBe(401)
})

test('the end waits for running answers, as long as it is told to', async () => {
  const before = memory().tensors
  const client = await start()
  const running = ask(client)
  await until(async () => (await metric('casa_running_requests')) === 1)
  await server!.close(10_000)
  expect((await running).choices[0]!.finish_reason).toBe('stop')
  expect(memory().tensors).toBe(before)

  const other = await startEndless({})
  const cut = failure(ask(other))
  await until(async () => (await metric('casa_running_requests')) === 1)
  await server!.close(0)
  expect(await cut).toMatchObject({ status: 503, code: 'closing' })
  expect(memory().tensors).toBe(before)
})
