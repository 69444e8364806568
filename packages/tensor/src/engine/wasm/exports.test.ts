import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { kernelNames, walkNames } from './exports.ts'
import { mostArguments } from './regions.ts'

const fromPackage = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url))

it.each(['kernels.wasm', 'kernels-shared.wasm'])('%s exports what the types say', async (file) => {
  const module = await WebAssembly.compile(await fromPackage(`build/${file}`))
  const functions = WebAssembly.Module.exports(module).filter(({ kind }) => kind === 'function')
  expect(functions.map(({ name }) => name).toSorted()).toEqual([...kernelNames, ...walkNames].toSorted())
})

it('calls kernels by the rank of their names, with room for their arguments', async () => {
  const source = String(await fromPackage('kernels/call.ts'))
  const calls = [...source.matchAll(/case (\d+): (\w+)\((.*)\); return/g)]
  expect(calls.length).toBeGreaterThan(30)
  for (const [, number, name, given] of calls) {
    expect(kernelNames.toSorted()[Number(number)]).toBe(name)
    expect(given!.split('load<f64>').length - 1).toBeLessThanOrEqual(mostArguments)
  }
})
