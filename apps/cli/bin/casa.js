#!/usr/bin/env node
// A file that is there before the build, so that a checkout can link the command when it installs.
import { existsSync } from 'node:fs'

const program = new URL('../dist/bin.js', import.meta.url)
if (existsSync(program)) await import(program.href)
else {
  console.error('casa: this checkout is not built yet; run "npm start" once')
  process.exitCode = 1
}
