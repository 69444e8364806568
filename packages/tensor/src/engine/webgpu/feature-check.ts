/**
 * Checks that a device must pass before we use optional parts of WebGPU. WGSL leaves open which invocations form a subgroup,
 * and whether subnormal half floats become zero.
 */
import type { CasaWebgpuBackend } from './backend.ts'
import { defineProgram, packUniforms, type Program, type Proven } from './program.ts'

const lanes = 256

interface Proof {
  /** Undefined: part of every WebGPU. */
  feature: GPUFeatureName | undefined
  program: Program
  /** Written to the device before it runs. */
  given?: Uint32Array
  expected: number[]
}

type Half = [bits: number, value: number]

/** The largest, the smallest normal, the smallest and the largest subnormal, and some between. */
const halves: Half[] = [
  [0x7bff, 65504],
  [0x0400, 2 ** -14],
  [0x0001, 2 ** -24],
  [0x03ff, 1023 * 2 ** -24],
  [0xbc00, -1],
  [0x8001, -(2 ** -24)],
  [0x3555, 1365 * 2 ** -12],
  [0x0000, 0],
]

/** Those, infinities, and what is no number. */
const unpacked: Half[] = [...halves, [0x7c00, Infinity], [0xfc00, -Infinity], [0x7e00, NaN], [0x8000, 0]]

const wordsOf = (list: readonly Half[]): Uint32Array =>
  Uint32Array.from({ length: list.length / 2 }, (_, i) => list[2 * i]![0] | (list[2 * i + 1]![0] << 16))

const proofs: Record<keyof Proven, Proof> = {
  subgroups: {
    feature: 'subgroups',
    // Every invocation gets the right sum and maximum of 256 values.
    program: defineProgram({
      name: 'check that subgroup reductions are right',
      inputs: {},
      outputs: { found: 'f32' },
      uniforms: {},
      lanes,
      reductions: ['sumOfGroup', 'maxOfGroup'],
      body: `
  let value = f32((lane * 37u) % ${lanes}u);
  found[lane] = sumOfGroup(value, lane);
  found[lane + ${lanes}u] = maxOfGroup(value, lane);`,
    }),
    expected: Array.from({ length: 2 * lanes }, (_, i) => (i < lanes ? (lanes * (lanes - 1)) / 2 : lanes - 1)),
  },
  f16: {
    feature: 'shader-f16',
    program: defineProgram({
      name: 'check that half floats are read exactly',
      inputs: { halves: 'f16x4' },
      outputs: { found: 'f32' },
      uniforms: {},
      lanes: halves.length / 4,
      body: `
  let four = halves_four(lane);
  for (var i = 0u; i < 4u; i++) { found[4u * lane + i] = four[i]; }`,
    }),
    given: wordsOf(halves),
    expected: halves.map(([, value]) => value),
  },
  unpack: {
    feature: undefined,
    program: defineProgram({
      name: 'check that half floats are unpacked exactly',
      inputs: { words: 'u32' },
      outputs: { found: 'f32' },
      uniforms: {},
      lanes: unpacked.length / 2,
      body: `
  let two = unpack2x16float(words[lane]);
  found[2u * lane] = two.x;
  found[2u * lane + 1u] = two.y;`,
    }),
    given: wordsOf(unpacked),
    expected: unpacked.map(([, value]) => value),
  },
}

/** Enable the optional features that the device has and computes correctly. @returns those features. */
export async function proveFeatures(backend: CasaWebgpuBackend): Promise<GPUFeatureName[]> {
  const used: GPUFeatureName[] = []
  for (const [name, proof] of Object.entries(proofs) as [keyof Proven, Proof][]) {
    const { feature } = proof
    if (feature && !backend.device.features.has(feature)) continue
    backend.proven[name] = true
    backend.proven[name] = await comesOutRight(backend, proof)
    if (feature && backend.proven[name]) used.push(feature)
  }
  return used
}

async function comesOutRight(backend: CasaWebgpuBackend, { program, given, expected }: Proof): Promise<boolean> {
  const result = backend.makeTensorInfo([expected.length], 'float32')
  const tensors = given ? [backend.makeTensorInfo([given.length], 'int32', Int32Array.from(given)), result] : [result]
  try {
    const ranges = tensors.map((tensor) => ({ tensor, offset: 0, bytes: 4 * tensor.shape[0]! }))
    backend.dispatch(program, ranges, packUniforms(program, { groups: 1 }), 1)
    const found = (await backend.read(result.dataId)) as Float32Array
    return expected.every((value, i) => found[i] === value || (Number.isNaN(value) && Number.isNaN(found[i])))
  } catch {
    // If the driver refuses the program, the feature is not used.
    return false
  } finally {
    for (const { dataId } of tensors) backend.disposeData(dataId)
  }
}
