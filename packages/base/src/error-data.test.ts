import { expect, it } from 'vitest'
import { fromErrorData, toErrorData } from './error-data.ts'
import { CasaError, ConfigError, DeviceLostError, WeightError } from './errors.ts'

class TornError extends CasaError {
  static override readonly code: string = 'torn'
  override name = 'TornError'
}

const sent = (error: unknown, classes: Parameters<typeof fromErrorData>[1] = []) =>
  fromErrorData(structuredClone(toErrorData(error)), classes)

it('an error arrives with its class, message, stack and plain fields', () => {
  const error = new WeightError('2 tensors are missing', { file: 'model.safetensors', rule: 'missing' })
  const arrived = sent(error)
  expect(arrived).toBeInstanceOf(WeightError)
  expect(arrived).toMatchObject({
    name: 'WeightError',
    message: error.message,
    stack: error.stack,
    file: 'model.safetensors',
    rule: 'missing',
  })
  expect((arrived as WeightError).code).toBe('weights')
  expect(sent(new ConfigError('a', 'b'))).toMatchObject({ path: 'a', message: 'a: b' })
  expect(DeviceLostError.isInstance(sent(new DeviceLostError('gone')))).toBe(true)
})

it('a class of another package arrives where it is named, else as an error with its name', () => {
  expect(sent(new TornError('x'), [TornError])).toBeInstanceOf(TornError)
  const unknown = sent(new TornError('x'))
  expect(unknown).not.toBeInstanceOf(CasaError)
  expect(unknown.name).toBe('TornError')
})

it('what is no CasaError, or no error, is told all the same', () => {
  expect(sent(new TypeError('no'))).toMatchObject({ name: 'TypeError', message: 'no' })
  expect(sent('only text')).toMatchObject({ name: 'Error', message: 'only text' })
})
