/** The shipped model and its samples, under the paths that examples name: apps/cli/model/, apps/cli/samples/. */
import { cpSync, createReadStream, existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { UserConfig } from 'vitepress'

type Plugin = Extract<NonNullable<NonNullable<UserConfig['vite']>['plugins']>[number], { name: string }>

const root = fileURLToPath(new URL('../..', import.meta.url))
const folders = ['apps/cli/model', 'apps/cli/samples']

export function servedFiles(): Plugin {
  let outDir = ''
  let isServer = false
  return {
    name: 'served-files',
    configResolved(config) {
      outDir = resolve(config.root, config.build.outDir)
      isServer = Boolean(config.build.ssr)
    },
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        // Examples run in a worker, whose paths begin where the development server has its script.
        const path = decodeURIComponent(request.url?.split('?')[0] ?? '').replace(/^.*?(?=apps\/cli\/)/, '')
        const file = join(root, path)
        if (!folders.some((folder) => path.startsWith(`${folder}/`)) || path.includes('..')) return next()
        if (!existsSync(file) || !statSync(file).isFile()) return void response.writeHead(404).end()
        createReadStream(file).pipe(response)
      })
    },
    closeBundle() {
      if (isServer) return
      for (const folder of folders) cpSync(join(root, folder), join(outDir, folder), { recursive: true })
    },
  }
}
