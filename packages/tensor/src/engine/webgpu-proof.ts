/** What a device is asked before its subgroups are trusted: WGSL leaves to it which invocations they are made of. */
import type { CasaWebgpuBackend } from './webgpu-backend.ts'
import { defineProgram, packUniforms } from './webgpu-program.ts'

const lanes = 256

const program = defineProgram({
  name: 'do reductions come out right',
  inputs: {},
  outputs: { found: 'f32' },
  uniforms: {},
  lanes,
  reductions: ['sumOfGroup', 'maxOfGroup'],
  body: `
  let value = f32((lane * 37u) % ${lanes}u);
  found[lane] = sumOfGroup(value, lane);
  found[lane + ${lanes}u] = maxOfGroup(value, lane);`,
})

/** Use subgroups if the device has them and every invocation gets the right sum and maximum of 256 values. */
export async function proveSubgroups(backend: CasaWebgpuBackend): Promise<boolean> {
  if (!backend.device.features.has('subgroups')) return false
  backend.subgroups = true
  const tensor = backend.makeTensorInfo([2 * lanes], 'float32')
  try {
    backend.dispatch(program, [{ tensor, offset: 0, bytes: 8 * lanes }], packUniforms(program, { groups: 1 }), 1)
    const found = Array.from((await backend.read(tensor.dataId)) as Float32Array)
    backend.subgroups = found.every((value, i) => value === (i < lanes ? (lanes * (lanes - 1)) / 2 : lanes - 1))
  } catch {
    // A driver that refuses the program has no subgroups for us.
    backend.subgroups = false
  } finally {
    backend.disposeData(tensor.dataId)
  }
  return backend.subgroups
}
