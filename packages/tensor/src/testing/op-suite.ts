/**
 * The test of an operator: its cases run on every available device.
 *
 * The cpu device is the reference. Its gradients are checked against finite differences of its forward pass; the results of other
 * devices, forward and backward, are checked against the cpu's. No case may leak tensors.
 *
 * Which devices: devices.ts. One that cannot start is skipped, with the reason in the title.
 */
import { describe, expect, it } from 'vitest'
import { init, type DeviceName } from '../engine/init.ts'
import { dispose, scope, withoutLeaks } from '../engine/scope.ts'
import { valueAndGradients } from '../engine/backward-pass.ts'
import type { Tensor } from '../engine/tensor.ts'
import { tensor } from '../ops/create/index.ts'
import { add, multiply, sum } from '../ops/elementwise/index.ts'
import { wantedDevices, whyMissing } from './devices.ts'
import { randomValues } from './random.ts'

export interface HostTensor {
  data: Float32Array | Int32Array
  shape: number[]
}

/** What an operator returns: one tensor, or several by name. */
type Outputs = Tensor | Record<string, Tensor>

export interface OpCase {
  name: string
  inputs: Record<string, HostTensor>
  run(inputs: Record<string, Tensor>): Outputs
  /** On wasm: InitOptions.exact and .int8Activations. */
  exact?: boolean
  int8Activations?: boolean
  /** Inputs whose gradients are checked. Default: every float32 input. */
  differentiate?: string[]
  /** Greatest error allowed on other devices, relative to the largest value. Default 1e-5 forward, 1e-4 backward. */
  tolerance?: { forward?: number; backward?: number }
}

/** All results of a case on one device. */
interface Result {
  outputs: Record<string, HostTensor>
  gradients: Record<string, HostTensor>
}

/** @param devices those that have the operator; default: all. */
export async function describeOp(
  operator: string,
  cases: OpCase[],
  devices: readonly DeviceName[] = wantedDevices,
): Promise<void> {
  for (const device of wantedDevices.filter((wanted) => devices.includes(wanted))) {
    const missing = await whyMissing(device)
    describe.skipIf(missing)(`${operator} on ${device}${missing ? ` (${missing})` : ''}`, () => {
      for (const each of cases) it(each.name, () => (device === 'cpu' ? checkReference(each) : checkDevice(each, device)))
    })
  }
}

async function checkReference(each: OpCase): Promise<void> {
  const { outputs, gradients } = await evaluate(each, 'cpu')
  for (const [name, { data }] of Object.entries(outputs)) expect(data.every(Number.isFinite), `${name} is finite`).toBe(true)
  for (const [name, { data }] of Object.entries(gradients)) {
    const scaleOfGradient = Math.max(1e-2, largest(data))
    for (const direction of directions(data.length)) {
      const expected = await slope(each, name, direction)
      const found = direction.reduce((total, d, i) => total + d * data[i]!, 0)
      const length = Math.sqrt(direction.reduce((total, d) => total + d * d, 0))
      expect(Math.abs(found - expected), `d ${name}: ${found}, by finite differences ${expected}`).toBeLessThan(
        5e-3 * scaleOfGradient * length,
      )
    }
  }
}

async function checkDevice(each: OpCase, device: DeviceName): Promise<void> {
  const reference = await evaluate(each, 'cpu')
  const found = await evaluate(each, device)
  const { forward = device === 'webgpu' ? 1e-4 : 1e-5, backward = 1e-4 } = each.tolerance ?? {}
  for (const name of Object.keys(reference.outputs)) expectClose(name, found.outputs[name]!, reference.outputs[name]!, forward)
  for (const name of Object.keys(reference.gradients))
    expectClose(`d ${name}`, found.gradients[name]!, reference.gradients[name]!, backward)
}

/** @throws if shapes differ, integers differ, or the largest error exceeds `tolerance` times the largest expected value. */
export function expectClose(what: string, found: HostTensor, expected: HostTensor, tolerance: number): void {
  expect(found.shape, `shape of ${what}`).toEqual(expected.shape)
  if (expected.data instanceof Int32Array) return expect(Array.from(found.data), what).toEqual(Array.from(expected.data))
  // At least 0.01: where values of about 1 cancel, only their rounding errors remain.
  const allowed = tolerance * Math.max(1e-2, largest(expected.data))
  const worst = found.data.findIndex((x, i) => !(Math.abs(x - expected.data[i]!) <= allowed))
  if (worst >= 0) expect.fail(`${what}[${worst}] is ${found.data[worst]}, expected ${expected.data[worst]} within ${allowed}`)
}

const largest = (data: ArrayLike<number>): number => Array.from(data).reduce((most, x) => Math.max(most, Math.abs(x)), 0)

/** A few single coordinates, and two directions across all of them. */
function directions(size: number): Float32Array[] {
  if (size === 0) return []
  const single = [0, size - 1, Math.floor(size * 0.37)].map((at) =>
    Float32Array.from({ length: size }, (_, i) => (i === at ? 1 : 0)),
  )
  return [...single, randomValues(size, 11), randomValues(size, 12)]
}

/** Derivative of the case's loss along a direction of one input, by central differences of the reference. */
async function slope(each: OpCase, name: string, direction: Float32Array): Promise<number> {
  const step = 1e-2 / Math.max(1, Math.sqrt(direction.reduce((total, d) => total + d * d, 0)))
  const lossAt = async (distance: number): Promise<number> => {
    const { shape, data } = each.inputs[name]!
    const moved = Float32Array.from(data, (x, i) => x + distance * direction[i]!)
    const { outputs } = await evaluate(
      { ...each, inputs: { ...each.inputs, [name]: { shape, data: moved } }, differentiate: [] },
      'cpu',
    )
    return Object.values(outputs).reduce((total, out, o) => {
      const weights = randomValues(out.data.length, o + 1)
      return out.data instanceof Int32Array ? total : total + weights.reduce((s, w, i) => s + w * out.data[i]!, 0)
    }, 0)
  }
  return ((await lossAt(step)) - (await lossAt(-step))) / (2 * step)
}

/** Outputs, and the gradients of a randomly weighted sum of all float outputs. */
function evaluate(each: OpCase, device: DeviceName): Promise<Result> {
  return withoutLeaks(`${each.name} on ${device}`, async () => {
    await init({ device, exact: each.exact, int8Activations: each.int8Activations })
    const inputs = Object.fromEntries(Object.entries(each.inputs).map(([name, { data, shape }]) => [name, tensor(data, shape)]))
    const named = (result: Outputs): Record<string, Tensor> => ('dataId' in result ? { output: result as Tensor } : result)
    const outputs = scope(() => named(each.run(inputs)))
    const result: Result = { outputs: await read(outputs), gradients: {} }
    const names = each.differentiate ?? Object.keys(inputs).filter((name) => inputs[name]!.dtype === 'float32')
    if (names.length > 0) {
      const loss = () =>
        Object.values(named(each.run(inputs)))
          .map((out, o) => ({ out, weights: () => tensor(randomValues(out.size, o + 1), out.shape) }))
          .filter(({ out }) => out.dtype === 'float32')
          .map(({ out, weights }) => sum(multiply(out, weights())))
          .reduce((a, b) => add(a, b))
      const { value, gradients } = valueAndGradients(
        loss,
        names.map((name) => inputs[name]!),
      )
      result.gradients = await read(Object.fromEntries(names.map((name, i) => [name, gradients[i]!])))
      dispose(value, ...gradients)
    }
    dispose(...Object.values(outputs), ...Object.values(inputs))
    return result
  })
}

async function read(tensors: Record<string, Tensor>): Promise<Record<string, HostTensor>> {
  const entries = Object.entries(tensors).map(
    async ([name, t]) => [name, { data: (await t.data()).slice(), shape: t.shape }] as const,
  )
  return Object.fromEntries(await Promise.all(entries)) as Record<string, HostTensor>
}
