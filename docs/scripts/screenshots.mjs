/**
 * Pictures of every page of the built site, 1280 and 390 pixels wide, into a folder (CASA_SCREENSHOTS, else docs/.cache/screenshots).
 *
 *   node docs/scripts/build-site.mjs && node docs/scripts/screenshots.mjs [page ..]
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { findBrowser } from '../../scripts/browser.mjs'
import { previewSite } from './preview-site.mjs'

const docs = fileURLToPath(new URL('..', import.meta.url))
const out = process.env.CASA_SCREENSHOTS ?? join(docs, '.cache/screenshots')
mkdirSync(out, { recursive: true })
const server = await previewSite()
const address = server.resolvedUrls.local[0]
const browser = await chromium.launch({ executablePath: findBrowser(), args: ['--no-sandbox'] })
const page = await browser.newPage()
await page.goto(`${address}start`)
const links = await page.locator('.VPSidebar a').evaluateAll((all) => all.map((link) => link.getAttribute('href')))
const wanted = process.argv.slice(2)
const pages = ['/', ...links.filter((link) => !link.startsWith('/api/'))].filter(
  (link) => wanted.length === 0 || wanted.some((name) => link === `/${name}`),
)
for (const width of [1280, 390]) {
  await page.setViewportSize({ width, height: 900 })
  for (const link of pages) {
    await page.goto(new URL(link, address).href, { waitUntil: 'networkidle' })
    const name = link.replaceAll('/', '-').replace(/^-|-$/g, '') || 'home'
    await page.screenshot({ path: join(out, `${name}-${width}.png`), fullPage: true })
  }
}
await browser.close()
await server.close()
console.log(`${pages.length} pages, twice each, in ${out}`)
