/** A page that imports casa-js as a user's bundler finds it in node_modules, asked a question in Chromium. */
import { createReadStream, existsSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { extname, join, normalize } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import { findBrowser } from '../browser.mjs'
import { root } from '../steps.mjs'

const page = `<!doctype html><title>casa-js</title><script type="module" src="./main.js"></script>`
const program = `import { ask, close, init, loadImage, loadVlm } from 'casa-js'

async function answer() {
  const { device } = await init({ device: 'wasm' })
  const vlm = await loadVlm('/node_modules/@casa-js/cli/model/')
  const text = await ask(vlm, [await loadImage('/node_modules/@casa-js/cli/samples/sign.png')], 'What does it say?')
  vlm.dispose()
  await close()
  return device + ': ' + text
}
globalThis.answer = answer().catch((error) => 'failed: ' + error.stack)
`
const types = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
}

/**
 * Bundles the page with vite and asks in Chromium.
 * @param project a folder that casa-js and @casa-js/cli are installed in
 * @returns what the page answered
 */
export async function askInChromium(project) {
  writeFileSync(join(project, 'index.html'), page)
  writeFileSync(join(project, 'main.js'), program)
  const vite = createRequire(join(root, 'packages/casa-js/package.json')).resolve('vite')
  const { build } = await import(pathToFileURL(vite).href)
  await build({ root: project, configFile: false, logLevel: 'error', build: { target: 'es2022' } })
  const server = await serve([join(project, 'dist'), project])
  const browser = await chromium.launch({ executablePath: findBrowser(), args: ['--no-sandbox'] })
  try {
    const tab = await browser.newPage()
    await tab.goto(`http://127.0.0.1:${server.address().port}/index.html`)
    return await tab.evaluate(() => globalThis.answer)
  } finally {
    await browser.close()
    server.close()
  }
}

/** Files of the first folder that has them. */
function serve(folders) {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, 'http://page').pathname))
    const file = folders.map((folder) => join(folder, path)).find((one) => existsSync(one) && statSync(one).isFile())
    if (!file) return response.writeHead(404).end()
    response.writeHead(200, {
      'content-type': types[extname(file)] ?? 'application/octet-stream',
      'content-length': statSync(file).size,
    })
    createReadStream(file).pipe(response)
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}
