/**
 * Finds Chromium for the WebGPU tests, or installs Debian's when it is missing and this is root on a Debian system.
 * Returns whether it is there; when it is not, says what to do.
 */
import { existsSync } from 'node:fs'
import { run, step } from './steps.mjs'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
export const findBrowser = () => [process.env.CHROMIUM, ...places].find((path) => path && existsSync(path))

export async function ensureBrowser() {
  if (findBrowser()) return true
  const isRoot = process.getuid?.() === 0
  const hasApt = (await run(['apt-get', '--version'])).code === 0
  if (isRoot && hasApt) {
    console.log("Chromium is missing: installing Debian's package `chromium` for the WebGPU tests")
    await step('apt-get update', ['apt-get', 'update'])
    await step('install chromium', ['apt-get', 'install', '-y', '--no-install-recommends', 'chromium'], {
      env: { DEBIAN_FRONTEND: 'noninteractive' },
    })
  }
  if (findBrowser()) return true
  console.log(
    'No Chromium: the WebGPU and browser tests are skipped. Install it (`sudo apt-get install chromium`) or set CHROMIUM to its path.',
  )
  return false
}
