/**
 * Pictures of the pages of the built site, 1280 and 390 pixels wide, into docs/images: the upper part of each, in few colours, so that they
 * stay small. Pages of packages and of the API look alike and are left out.
 *
 *   pnpm docs:build && pnpm docs:screenshots [page ..]
 *
 * CASA_SCREENSHOTS is another folder; CASA_SCHEME=dark takes the dark pages.
 */
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import sharp from 'sharp'
import { findBrowser } from '../../scripts/browser.mjs'
import { previewSite } from './preview-site.mjs'

const docs = fileURLToPath(new URL('..', import.meta.url))
const out = process.env.CASA_SCREENSHOTS ?? join(docs, 'images')
const sizes = [
  { width: 1280, height: 900 },
  { width: 390, height: 844 },
]
/** Larger pictures are named at the end. */
const mostBytes = 60_000

mkdirSync(out, { recursive: true })
const server = await previewSite()
const address = server.resolvedUrls.local[0]
const browser = await chromium.launch({ executablePath: findBrowser(), args: ['--no-sandbox'] })
const page = await browser.newPage({ colorScheme: process.env.CASA_SCHEME ?? 'light' })
await page.goto(`${address}start`)
const links = await page.locator('.VPSidebar a').evaluateAll((all) => all.map((link) => link.getAttribute('href')))
const wanted = process.argv.slice(2)
const pages = ['/', ...links.filter((link) => !/^\/(api\/|package-)/.test(link)), '/404.html'].filter(
  (link) => wanted.length === 0 || wanted.some((name) => link === `/${name}`),
)
let bytes = 0
const large = []
for (const { width, height } of sizes) {
  await page.setViewportSize({ width, height })
  for (const link of pages) {
    await page.goto(new URL(link, address).href, { waitUntil: 'networkidle' })
    const name = link.replace('.html', '').replaceAll('/', '-').replaceAll(/^-|-$/g, '') || 'home'
    const path = join(out, `site-${name}-${width}.png`)
    await sharp(await page.screenshot({ animations: 'disabled' }))
      .png({ palette: true, colours: 16, effort: 10 })
      .toFile(path)
    const { size } = statSync(path)
    bytes += size
    if (size > mostBytes) large.push(`${path}: ${Math.round(size / 1000)} kB`)
  }
}
await browser.close()
await server.close()
console.log(`${pages.length} pages, twice each, ${(bytes / 1e6).toFixed(1)} MB, in ${out}`, ...large)
