/** Serves the built site, docs/.cache/site, as a static host does: an unknown address gets 404.html. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { preview } from 'vite'

const docs = fileURLToPath(new URL('..', import.meta.url))
const site = join(docs, '.cache/site')

/** @returns the server, on a free port; the caller closes it */
export const previewSite = () =>
  preview({
    root: docs,
    configFile: false,
    appType: 'mpa',
    logLevel: 'error',
    build: { outDir: '.cache/site' },
    preview: { port: 0, open: false },
    plugins: [{ name: 'not-found', configurePreviewServer: ({ middlewares }) => void middlewares.use(notFound) }],
  })

function notFound(request, response, next) {
  const path = join(site, decodeURIComponent(new URL(request.url, 'http://localhost').pathname))
  if ([path, `${path}.html`, join(path, 'index.html')].some((file) => existsSync(file))) return next()
  response.writeHead(404, { 'Content-Type': 'text/html' }).end(readFileSync(join(site, '404.html')))
}
