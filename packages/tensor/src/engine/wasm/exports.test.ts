import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { kernelNames } from './exports.ts'

it('the module exports what the types say', async () => {
  const module = await WebAssembly.compile(await readFile(new URL('../../../build/kernels.wasm', import.meta.url)))
  const functions = WebAssembly.Module.exports(module).filter(({ kind }) => kind === 'function')
  expect(functions.map(({ name }) => name).toSorted()).toEqual(kernelNames.toSorted())
})
