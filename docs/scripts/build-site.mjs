/** The whole site, into docs/.cache/site: the API from the sources, the pages, and the demo under /demo. */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const docs = fileURLToPath(new URL('..', import.meta.url))
const demo = fileURLToPath(new URL('../../apps/web', import.meta.url))

function run(folder, ...command) {
  const { status } = spawnSync('npx', command, { cwd: folder, stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) process.exit(status ?? 1)
}

rmSync(`${docs}/api`, { recursive: true, force: true })
run(docs, 'typedoc', '--options', 'typedoc.json')
run(docs, 'vitepress', 'build', '.')
run(demo, 'vite', 'build', '--outDir', `${docs}/.cache/site/demo`, '--emptyOutDir')
