import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFetchPicture, isPublic } from './fetch-picture.node.ts'

let server: Server
let origin: string
beforeAll(async () => {
  server = createServer(({ url = '' }, response) => {
    if (url === '/picture') response.end('pixels')
    else if (url === '/large') response.end('x'.repeat(2000))
    else if (url === '/never') response.writeHead(200).write('a')
    else if (url === '/loop') response.writeHead(302, { location: '/loop' }).end()
    else if (url === '/to-picture') response.writeHead(301, { location: 'picture' }).end()
    else if (url === '/to-file') response.writeHead(302, { location: 'file:///etc/passwd' }).end()
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const limits = { maxBytes: 1000, maxRedirects: 2, timeoutMs: 300, allowPrivate: true }
const signal = new AbortController().signal

test('addresses of this machine, its network and its cloud are not public, however they are written', () => {
  const hidden = '127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255'
  for (const address of [...hidden.split(' '), '::1', '::', 'fe80::1', 'fc00::1', '::ffff:127.0.0.1', '::ffff:a00:1', 'x'])
    expect(isPublic(address), address).toBe(false)
  for (const address of ['1.1.1.1', '93.184.215.14', '2606:4700::1111']) expect(isPublic(address), address).toBe(true)
})

test('private addresses are refused, by number and by name', async () => {
  const fetchPicture = createFetchPicture({ ...limits, allowPrivate: false })
  const port = new URL(origin).port
  for (const host of ['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]'])
    await expect(fetchPicture(`http://${host}:${port}/picture`, signal), host).rejects.toThrow(/not a public address/)
})

test('a picture is fetched, over redirects', async () => {
  const fetchPicture = createFetchPicture(limits)
  for (const path of ['/picture', '/to-picture'])
    expect(new TextDecoder().decode(await fetchPicture(origin + path, signal))).toBe('pixels')
})

test.each([
  ['/large', /more than 1000 bytes/],
  ['/never', /more than 300 ms/],
  ['/loop', /more than 2 redirects/],
  ['/to-file', /http or https/],
  ['/none', /status 404/],
])('%s is refused', async (path, message) => {
  await expect(createFetchPicture(limits)(origin + path, signal)).rejects.toThrow(message)
})

test('an abort is the reason that was given', async () => {
  const controller = new AbortController()
  const fetching = createFetchPicture(limits)(`${origin}/never`, controller.signal)
  controller.abort(new DOMException('gone', 'AbortError'))
  await expect(fetching).rejects.toThrow('gone')
})
