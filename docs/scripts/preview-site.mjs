/** Serves the built site, docs/.cache/site, as a static host does. */
import { fileURLToPath } from 'node:url'
import { preview } from 'vite'

/** @returns the server, on a free port; the caller closes it */
export const previewSite = () =>
  preview({
    root: fileURLToPath(new URL('..', import.meta.url)),
    configFile: false,
    appType: 'mpa',
    logLevel: 'error',
    build: { outDir: '.cache/site' },
    preview: { port: 0, open: false },
  })
