/** Serves the app on a port, WebSockets included. */
import { ConfigError } from '@casa-js/base'
import type { Vlm } from '@casa-js/vlm'
import { createAdaptorServer } from '@hono/node-server'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp, loopback, type AppOptions } from './app.ts'
import { createFetchPicture } from './fetch-picture.node.ts'
import { createSockets } from './sockets.node.ts'

/** Where a model is served, and how. */
export interface ServeOptions extends Omit<AppOptions, 'allowedHosts' | 'fetchPicture'> {
  /** Default: 8000; 0 picks a free port. */
  port?: number | undefined
  /** Default: "127.0.0.1". Any address other than localhost requires a token. */
  host?: string | undefined
  /** Fetch images from http(s) URLs: public addresses only, or "private" ones too. Default: neither. */
  allowHttpImages?: boolean | 'private' | undefined
}

/** Created by `serve`. */
export interface RunningServer {
  /** Its address, e.g. "http://127.0.0.1:8000". */
  readonly url: string
  /** Shut down, with time for running answers; see `App.close`. */
  close(graceMs?: number): Promise<void>
}

/**
 * Serve a model over HTTP, as OpenAI's chat completions.
 * @param vlm owned by the caller, who disposes it after `close`
 * @returns the server, once it listens; the caller closes it
 * @throws ConfigError when other machines could use it without a token, or the port is in use
 */
export async function serve(vlm: Vlm, options: ServeOptions = {}): Promise<RunningServer> {
  const { port = 8000, host = '127.0.0.1', allowHttpImages = false, ...rest } = options
  const name = host.includes(':') ? `[${host}]` : host
  const isLocal = loopback.includes(name)
  if (!isLocal && !rest.token)
    throw new ConfigError('host', `${host} may be reached from other machines: give a token, or serve on 127.0.0.1`)
  const maxBytes = rest.maxBodyBytes ?? 20 * 2 ** 20
  const fetchLimits = { maxBytes, maxRedirects: 3, timeoutMs: 15_000, allowPrivate: allowHttpImages === 'private' }
  const app = createApp(vlm, {
    ...rest,
    ...(allowHttpImages && { fetchPicture: createFetchPicture(fetchLimits) }),
    ...(isLocal && { allowedHosts: loopback }),
  })
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server
  const sockets = createSockets(server, app, maxBytes)
  await new Promise<void>((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException) =>
      reject(new ConfigError('port', `cannot listen on ${name}:${port}: ${cause.code ?? cause.message}`, { cause }))
    server.once('error', refuse)
    server.listen(port, host, () => {
      server.off('error', refuse)
      resolve()
    })
  })
  return {
    url: `http://${name}:${(server.address() as AddressInfo).port}`,
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await app.close(graceMs)
      server.closeIdleConnections()
      // After a second, also close the connections that clients keep open.
      const timer = setTimeout(() => {
        server.closeAllConnections()
        sockets.terminate()
      }, 1000)
      await closed
      clearTimeout(timer)
    },
  }
}
