/**
 * The examples of examples/bundlers, as their readers run them: copied out of this checkout, installed from tarballs, built, served and
 * opened in Chromium, where the shipped model must read the sample picture.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, createReadStream, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSocketServer } from 'node:net'
import { extname, join } from 'node:path'
import { chromium } from 'playwright-core'
import { findBrowser } from './browser.mjs'
import { root, step } from './steps.mjs'

/** As docs/pages/deploying.md has it. */
const policy = "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self'"

/** What each example is, and how it is served. Each way opens its pages in a browser. */
const examples = {
  'import-map': {
    files: '.',
    ways: [
      { name: 'from a CDN', pages: ['index.html'], serve: (place) => serveFiles(place) },
      { name: 'from a folder of the page', pages: ['own-copy.html'], serve: (place) => serveFiles(place) },
    ],
  },
  vite: {
    files: 'public',
    ways: [
      {
        name: 'vite',
        pages: ['', 'main-thread.html'],
        serve: (place) => serveWith(place, (port) => ['npx', 'vite', '--port', `${port}`, '--strictPort']),
      },
      {
        name: 'vite build',
        pages: ['', 'main-thread.html'],
        build: ['npx', 'vite', 'build'],
        serve: (place) => serveFiles(join(place, 'dist'), policy),
      },
    ],
  },
  webpack: {
    files: 'public',
    ways: [{ name: 'webpack', pages: [''], build: ['npx', 'webpack'], serve: (place) => serveFiles(join(place, 'public')) }],
  },
  next: {
    files: 'public',
    ways: [
      { name: 'next dev', pages: [''], serve: (place) => serveWith(place, (port) => ['npx', 'next', 'dev', '-p', `${port}`]) },
      {
        name: 'next build',
        pages: [''],
        build: ['npx', 'next', 'build'],
        serve: (place) => serveWith(place, (port) => ['npx', 'next', 'start', '-p', `${port}`]),
      },
      {
        name: 'next build --webpack',
        pages: [''],
        build: ['npx', 'next', 'build', '--webpack'],
        serve: (place) => serveWith(place, (port) => ['npx', 'next', 'start', '-p', `${port}`]),
      },
    ],
  },
}

export const exampleNames = Object.keys(examples)

/**
 * @param {string} name of the example
 * @param {Record<string, string>} dependencies the tarballs
 * @param {string} place an empty folder
 * @returns {Promise<boolean>} whether every way of building it gave a page that reads the picture
 */
export async function tryExample(name, dependencies, place) {
  const { files, ways } = examples[name]
  cpSync(join(root, 'examples/bundlers', name), place, { recursive: true })
  cpSync(join(root, 'apps/cli/model'), join(place, files, 'model'), { recursive: true })
  cpSync(join(root, 'apps/cli/samples/sign.png'), join(place, files, 'sign.png'))
  if (name === 'import-map') {
    // A CDN serves the package's own files.
    const web = join(place, 'node_modules/@casa-js/web')
    mkdirSync(web, { recursive: true })
    const tarball = dependencies['@casa-js/web'].replace('file:', '')
    if (!(await step(`${name}: unpack`, ['tar', '-xzf', tarball, '-C', web, '--strip-components=1'])).passed) return false
  } else {
    const json = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'))
    for (const name of Object.keys(json.dependencies)) json.dependencies[name] = dependencies[name] ?? json.dependencies[name]
    writeFileSync(join(place, 'package.json'), JSON.stringify({ ...json, overrides: dependencies }, null, 2))
    const { passed } = await step(`${name}: npm install`, ['npm', 'install', '--no-audit', '--no-fund'], { cwd: place })
    if (!passed) return false
  }
  let ok = true
  for (const way of ways) {
    if (way.build && !(await step(`${name}: ${way.name}`, way.build, { cwd: place })).passed) {
      ok = false
      continue
    }
    const server = await way.serve(place)
    for (const page of way.pages) {
      const started = performance.now()
      const { answer, problems } = await readPicture(`${server.address}/${page}`, join(place, 'node_modules'))
      const passed = answer.trim() === 'camel' && problems.length === 0
      const seconds = ((performance.now() - started) / 1000).toFixed(1)
      console.log(
        `${passed ? 'ok    ' : 'FAILED'} ${name}, ${way.name}: ${page || 'the page'} reads the sample picture (${seconds} s)`,
      )
      if (!passed) console.log([`the page answered "${answer}"`, ...problems, server.output()].join('\n'))
      ok &&= passed
    }
    await server.close()
  }
  return ok
}

/** What the CDN of the import map's example would answer: files of the package that is installed. */
const cdn = /^https:\/\/cdn\.jsdelivr\.net\/npm\/@casa-js\/web@[\d.]+\/(.+)$/
const answerLimitMs = 120_000

/** Opens a page and waits for what its <output> says. */
async function readPicture(address, modules) {
  const browser = await chromium.launch({
    executablePath: findBrowser(),
    args: ['--no-sandbox', '--disable-quic', '--disable-background-networking'],
  })
  const problems = []
  try {
    const page = await browser.newPage()
    page.on('pageerror', (error) => problems.push(`error in the page: ${error.message}`))
    page.on(
      'console',
      (message) => message.type() === 'error' && problems.push(`console: ${message.text()} ${message.location().url}`),
    )
    await page.context().route(cdn, (route) => {
      const [, file] = cdn.exec(route.request().url())
      const path = join(modules, '@casa-js/web', file)
      return route.fulfill({ path, contentType: contentTypes[extname(path)], headers: { 'access-control-allow-origin': '*' } })
    })
    // A page without an icon of its own asks for one.
    await page.context().route('**/favicon.ico', (route) => route.fulfill({ status: 204 }))
    await page.goto(address)
    const output = page.locator('output')
    await page
      .waitForFunction(() => /^\s*camel\s*$|rror/.test(document.querySelector('output')?.textContent ?? ''), undefined, {
        timeout: answerLimitMs,
      })
      .catch((error) => problems.push(error.message))
    return { answer: (await output.textContent({ timeout: 1000 }).catch(() => '')) ?? '', problems }
  } finally {
    await browser.close()
  }
}

const contentTypes = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
}

/** Serves a folder on a free port. The package's standalone folder lies at /standalone/, as if it was copied there. */
async function serveFiles(folder, policy) {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname).replace(/\/$/, '/index.html')
    const file = path.startsWith('/standalone/') ? join(folder, 'node_modules/@casa-js/web/dist', path) : join(folder, path)
    if (!file.startsWith(folder) || !existsSync(file) || !statSync(file).isFile()) return void response.writeHead(404).end()
    // So that threads are tried too.
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp')
    if (policy) response.setHeader('Content-Security-Policy', policy)
    response.setHeader('Content-Type', contentTypes[extname(file)] ?? 'application/octet-stream')
    createReadStream(file).pipe(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    output: () => '',
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Starts a command that serves, and waits until it answers. */
async function serveWith(cwd, commandFor) {
  const port = await freePort()
  const [file, ...args] = commandFor(port)
  const child = spawn(file, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (printed += text))
  const address = `http://localhost:${port}`
  const ended = once(child, 'exit')
  const answers = async () => {
    while (
      child.exitCode === null &&
      !(await fetch(address)
        .then(({ ok }) => ok)
        .catch(() => false))
    )
      await new Promise((resolve) => setTimeout(resolve, 200))
  }
  await answers()
  return {
    address,
    output: () => printed,
    async close() {
      // With the processes that it started.
      if (child.exitCode === null) process.kill(-child.pid, 'SIGTERM')
      await ended
    },
  }
}

async function freePort() {
  const server = createSocketServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
