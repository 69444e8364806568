#!/usr/bin/env node
/**
 * `npx casa-js ask picture.png "..."`: the command line of @casa-js/cli. It is no dependency, so that programs that import casa-js
 * do not install what only the command needs (sharp, a WebGPU driver, a model). Where it is installed beside this package it runs;
 * elsewhere npm fetches the same version into its cache, once.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Where @casa-js/cli's program is, or undefined where it is not installed. */
function installedProgram(): string | undefined {
  try {
    return import.meta.resolve('@casa-js/cli/dist/bin.js')
  } catch {
    return undefined
  }
}

/** npm's own program: the one that started us, else the one that came with Node. Run by Node, so that no shell quotes arguments. */
function npmProgram(): string | undefined {
  const started = process.env.npm_execpath
  const node = dirname(process.execPath)
  return [
    ...(started ? [join(dirname(started), 'npm-cli.js')] : []),
    join(node, '../lib/node_modules/npm/bin/npm-cli.js'),
    join(node, 'node_modules/npm/bin/npm-cli.js'),
  ].find(existsSync)
}

/** Runs the program of the fetched package; resolves with its exit code. */
function fetchAndRun(args: readonly string[]): Promise<number> {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  const wanted = `@casa-js/cli@${version}`
  const npm = npmProgram()
  const exec = ['exec', '--yes', `--package=${wanted}`, '--', 'casa', ...args]
  console.error(`casa-js: the command line is ${wanted}; npm fetches it the first time (npm install ${wanted} keeps it)`)
  const child = npm
    ? spawn(process.execPath, [npm, ...exec], { stdio: 'inherit' })
    : spawn('npm', exec, { stdio: 'inherit', shell: false })
  // Ctrl-C reaches the child too, which ends in its own way.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(`casa-js: npm cannot be started (${error.message}); install the command with: npm install ${wanted}`)
      resolve(127)
    })
    child.on('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)))
  })
}

const program = installedProgram()
if (program) await import(program)
else process.exitCode = await fetchAndRun(process.argv.slice(2))
