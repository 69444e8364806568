/**
 * What tests need beside npm's packages, Chromium and ffmpeg: found, or installed from Debian when this is root on a Debian system;
 * where that is not so, says what to do.
 */
import { existsSync } from 'node:fs'
import { run, step } from './steps.mjs'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
export const findBrowser = () => [process.env.CHROMIUM, ...places].find((path) => path && existsSync(path))

/** Install packages of Debian where this is root on a Debian system. */
async function install(why, ...packages) {
  const isRoot = process.getuid?.() === 0
  if (!isRoot || (await run(['apt-get', '--version'])).code !== 0) return
  console.log(`Installing Debian's ${packages.join(' and ')} for ${why}`)
  await step('apt-get update', ['apt-get', 'update'])
  await step(`install ${packages.join(', ')}`, ['apt-get', 'install', '-y', '--no-install-recommends', ...packages], {
    env: { DEBIAN_FRONTEND: 'noninteractive' },
  })
}

export async function ensureBrowser() {
  if (!findBrowser()) await install('the WebGPU tests', 'chromium')
  if (findBrowser()) return true
  console.log(
    'No Chromium: the WebGPU and browser tests are skipped. Install it (`sudo apt-get install chromium`) or set CHROMIUM to its path.',
  )
  return false
}

const testVideo = '/usr/share/doc/opencv-doc/examples/data/vtest.avi'

/** ffmpeg makes the videos of the tests; opencv-doc holds one that nobody here made. */
export async function ensureVideoTools() {
  const hasFfmpeg = async () => (await run(['ffmpeg', '-version'])).code === 0
  const missing = [...((await hasFfmpeg()) ? [] : ['ffmpeg']), ...(existsSync(testVideo) ? [] : ['opencv-doc'])]
  if (missing.length > 0) await install('the tests of videos', ...missing)
  if (!(await hasFfmpeg())) console.log('No ffmpeg: the tests of videos are skipped. Install it (`sudo apt-get install ffmpeg`).')
}
