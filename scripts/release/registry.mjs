/** A registry of our own (verdaccio) on this machine: it takes our packages and passes on all others from npm's configured registry. */
import { spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { run, step } from '../steps.mjs'

/** The newest verdaccio that runs on Node 20. One of its packages asks for node-fetch by a tag, which mirrors of npm often lack. */
const manifest = { private: true, dependencies: { verdaccio: '6.8.0' }, overrides: { 'node-fetch': '2.7.0' } }

/**
 * Starts a registry whose packages and settings lie in a folder.
 * @returns its address, and how to stop it
 */
export async function startRegistry(folder) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  const installed = await step('install a registry', ['npm', 'install', '--no-audit', '--no-fund'], { cwd: folder })
  if (!installed.passed) throw new Error('without a registry there is nothing to rehearse')
  const { output } = await run(['npm', 'config', 'get', 'registry'])
  const upstream = output.trim().split('\n').at(-1)
  const port = await freePort()
  const open = '{ access: $all, publish: $all, unpublish: $all }'
  writeFileSync(
    join(folder, 'verdaccio.yaml'),
    `storage: ${join(folder, 'storage')}
auth: { htpasswd: { file: ${join(folder, 'users')}, max_users: -1 } }
uplinks: { upstream: { url: ${JSON.stringify(upstream)}, timeout: 60s } }
packages:
  'casa-js': ${open}
  '@casa-js/*': ${open}
  '**': { access: $all, publish: $all, proxy: upstream }
max_body_size: 200mb
log: { type: stdout, format: pretty, level: warn }
`,
  )
  const url = `http://127.0.0.1:${port}/`
  const log = join(folder, 'verdaccio.log')
  const out = openSync(log, 'a')
  const program = join(folder, 'node_modules/verdaccio/bin/verdaccio')
  const args = ['--config', join(folder, 'verdaccio.yaml'), '--listen', `127.0.0.1:${port}`]
  const child = spawn(process.execPath, [program, ...args], { cwd: folder, stdio: ['ignore', out, out] })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  for (;;) {
    const up = await fetch(`${url}-/ping`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (up) return { url, log, stop: () => child.kill('SIGTERM') }
    const gone = await Promise.race([ended.then(() => true), new Promise((resolve) => setTimeout(resolve, 500, false))])
    if (gone) throw new Error(`the registry did not start:\n${readFileSync(log, 'utf8')}`)
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
