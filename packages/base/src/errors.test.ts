import { expect, it, vi } from 'vitest'
import * as errors from './errors.ts'

const { CasaError, ConfigError, DeviceError, FileError, OutOfMemoryError, TokenizerError, WeightError } = errors

/** The module evaluated a second time, as a second installed version would be. */
vi.resetModules()
const copy = await import('./errors.ts')

const classes = Object.entries(errors).filter(([name]) => name.endsWith('Error'))

it('the copy is another module', () => {
  expect(new copy.ConfigError('a', 'b')).not.toBeInstanceOf(CasaError)
})

it.each(classes)('%s is a CasaError with a name and a code of its own', (name, type) => {
  const error = new (type as new (a: string, b?: never) => Error & { code: string })('what')
  expect(error).toBeInstanceOf(CasaError)
  expect(error).toBeInstanceOf(Error)
  expect(error.name).toBe(name)
  expect(classes.filter(([, other]) => (other as typeof CasaError).code === error.code)).toHaveLength(1)
})

it('isInstance knows a class and its subclasses, across copies', () => {
  const foreign = new copy.OutOfMemoryError('full')
  expect(CasaError.isInstance(foreign)).toBe(true)
  expect(DeviceError.isInstance(foreign)).toBe(true)
  expect(OutOfMemoryError.isInstance(foreign)).toBe(true)
  expect(ConfigError.isInstance(foreign)).toBe(false)
  expect(copy.DeviceError.isInstance(new OutOfMemoryError('full'))).toBe(true)
  expect(OutOfMemoryError.isInstance(new copy.DeviceError('slow'))).toBe(false)
})

it('isInstance is false for anything else', () => {
  const disguised = Object.assign(new Error('no'), { name: 'ConfigError', code: 'config' })
  for (const other of [disguised, new Error('x'), undefined, null, 'CasaError', 5, {}]) {
    expect(CasaError.isInstance(other)).toBe(false)
    expect(ConfigError.isInstance(other)).toBe(false)
  }
})

it('a subclass without a code of its own is told apart within one copy, and known as its parent in another', () => {
  class Torn extends WeightError {}
  const torn = new Torn('torn')
  expect(Torn.isInstance(torn)).toBe(true)
  expect(Torn.isInstance(new WeightError('whole'))).toBe(false)
  expect(copy.WeightError.isInstance(torn)).toBe(true)
})

it('the cause is kept', () => {
  const cause = new SyntaxError('at 3')
  expect(new TokenizerError('x', { cause }).cause).toBe(cause)
  expect(new ConfigError('a', 'b', { cause }).cause).toBe(cause)
  expect(new WeightError('a', { file: 'f', cause })).toMatchObject({ cause, file: 'f' })
  expect('cause' in new WeightError('a', { file: 'f' })).toBe(false)
  expect(new FileError('a.json', 'torn', { cause })).toMatchObject({ cause, file: 'a.json', message: 'a.json: torn' })
})

it('the code does not depend on the class name, which a bundler may shorten', () => {
  expect(new ConfigError('a', 'b').code).toBe('config')
  expect(new OutOfMemoryError('a').code).toBe('out-of-memory')
})
