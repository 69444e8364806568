/** A static host as plain as they come: no headers but type, length and validator; it compresses text and answers ranges. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { createGzip } from 'node:zlib'

const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
}

export interface StaticServer {
  address: string
  close(): Promise<void>
}

export async function serveFolder(folder: string): Promise<StaticServer> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(request.url!.split('?')[0]!))
    void send(join(folder, path.endsWith('/') ? `${path}index.html` : path), request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    address: `http://localhost:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function send(file: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const found = await stat(file).catch(() => undefined)
  if (!found?.isFile()) return void response.writeHead(404).end()
  const { size, mtimeMs } = found
  const headers = {
    'Content-Type': types[extname(file)] ?? 'application/octet-stream',
    ETag: `"${size}-${Math.round(mtimeMs)}"`,
    'Accept-Ranges': 'bytes',
  }
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  if (!range && /^(text|application\/json)/.test(headers['Content-Type'])) {
    response.writeHead(200, { ...headers, 'Content-Encoding': 'gzip' })
    return void createReadStream(file).pipe(createGzip()).pipe(response)
  }
  if (!range) {
    response.writeHead(200, { ...headers, 'Content-Length': size })
    return void createReadStream(file).pipe(response)
  }
  const start = Number(range[1])
  const end = Math.min(size - 1, range[2] ? Number(range[2]) : size - 1)
  response.writeHead(206, { ...headers, 'Content-Range': `bytes ${start}-${end}/${size}`, 'Content-Length': end - start + 1 })
  createReadStream(file, { start, end }).pipe(response)
}
