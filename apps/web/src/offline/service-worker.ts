/// <reference lib="webworker" />
/**
 * The page's service worker. It keeps the page with its engine, samples and the small files of the models, so that the page works offline
 * after the first visit; weights are in the private file system already. And it adds the two headers of cross-origin isolation to what it
 * answers, so that threads can share memory on hosts that send no such headers.
 */
import { clientsClaim } from 'workbox-core'
import type { WorkboxPlugin } from 'workbox-core'
import { addPlugins, cleanupOutdatedCaches, precacheAndRoute } from 'workbox-precaching'
import { RangeRequestsPlugin } from 'workbox-range-requests'
import { NavigationRoute, registerRoute } from 'workbox-routing'

declare const self: ServiceWorkerGlobalScope & { __PRECACHE__: { url: string; revision: string | null }[] }

/** A response as the host would send it with the headers of cross-origin isolation. */
function isolated(response: Response): Response {
  // Opaque responses cannot be read, and 0 is no status to make one with.
  if (response.status === 0) return response
  const headers = new Headers(response.headers)
  headers.set('Cross-Origin-Opener-Policy', 'same-origin')
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp')
  const { status, statusText } = response
  // The body is no longer compressed, and a length that was sent is that of the compressed one.
  if (headers.has('Content-Encoding')) {
    headers.delete('Content-Encoding')
    if (status !== 206) headers.delete('Content-Length')
  }
  const hasBody = ![101, 204, 205, 304].includes(status)
  return new Response(hasBody ? response.body : null, { status, statusText, headers })
}

// The first worker takes over the page that registered it. A later one waits until no page of the old version is open.
clientsClaim()
cleanupOutdatedCaches()
// The library asks for a few bytes of a file to learn its version.
addPlugins([new RangeRequestsPlugin() as WorkboxPlugin, { handlerWillRespond: async ({ response }) => isolated(response) }])
precacheAndRoute(self.__PRECACHE__, { ignoreURLParametersMatching: [/.*/] })

// Other pages of this folder. All else, weights and clips among them, goes past this worker: it could only slow their streams down.
registerRoute(new NavigationRoute(async ({ request }) => isolated(await fetch(request))))
