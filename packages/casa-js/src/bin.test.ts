/** `npx casa-js` where the command line is not installed: npm is asked for the same version, and every argument arrives as it was. */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, expect, it } from 'vitest'

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
const place = mkdtempSync(join(tmpdir(), 'casa-js-bin-'))
afterAll(() => rmSync(place, { recursive: true }))

// The program as installed: a package of its own, without neighbours.
const own = join(place, 'project/node_modules/casa-js')
mkdirSync(own, { recursive: true })
cpSync(fileURLToPath(new URL('../package.json', import.meta.url)), join(own, 'package.json'))
cpSync(fileURLToPath(new URL('./bin.node.ts', import.meta.url)), join(own, 'src/bin.node.ts'))

const casaJs = (args: string[], env: Record<string, string> = {}) =>
  spawnSync(process.execPath, ['--import', tsx, join(own, 'src/bin.node.ts'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })

it('asks npm for the same version and hands on arguments and exit code', () => {
  const npm = join(place, 'npm')
  mkdirSync(npm)
  writeFileSync(join(npm, 'npm-cli.js'), 'console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 3')
  const args = ['ask', 'a picture.png', 'What "does" it say? $HOME']
  const { status, stdout, stderr } = casaJs(args, { npm_execpath: join(npm, 'npx-cli.js') })
  expect(JSON.parse(stdout)).toEqual(['exec', '--yes', `--package=@casa-js/cli@${version}`, '--', 'casa', ...args])
  expect(status).toBe(3)
  expect(stderr).toContain(`npm install @casa-js/cli@${version}`)
})

it('runs the command line that is installed beside it', () => {
  const cli = join(place, 'project/node_modules/@casa-js/cli')
  mkdirSync(join(cli, 'dist'), { recursive: true })
  writeFileSync(join(cli, 'package.json'), '{"name":"@casa-js/cli","type":"module"}')
  writeFileSync(join(cli, 'dist/bin.js'), 'console.log("here", process.argv.slice(2).join())')
  const { status, stdout, stderr } = casaJs(['info'])
  expect([status, stdout, stderr]).toEqual([0, 'here info\n', ''])
})
