/**
 * A WebGPU program: WGSL with its bindings and uniforms declared as data, so that the shader and the call that runs it
 * cannot disagree.
 *
 * The body sees `u` (the uniforms), `group` (index of the workgroup, however the dispatch was folded), `lane` (index of the
 * invocation in its workgroup) and every binding by its name.
 */
import { halfBinding, isHalves, widen, widenByUnpacking, type HalvesType } from './halves.ts'
import { reductionSource, subgroupPrelude, type Reduction } from './reduction.ts'

export type ElementType = 'f32' | 'i32' | 'u32' | 'vec4<f32>' | 'vec4<u32>' | HalvesType
export type ScalarType = 'f32' | 'i32' | 'u32'

export interface ProgramSpec<I extends string, O extends string, U extends string> {
  /** Shown by GPU debuggers. */
  name: string
  /** Storage buffers that are only read. False: this variant of the program has no such binding. */
  inputs: Record<I, ElementType | false>
  /** Storage buffers that are written; one that already holds data is updated in place. */
  outputs: Record<O, ElementType | false>
  uniforms: Record<U, ScalarType>
  /** Invocations in a workgroup, at most 256. */
  lanes: number
  /** Which reductions the body calls. */
  reductions?: Reduction[]
  /** Functions, constants and workgroup memory. */
  declarations?: string | undefined
  /** Body of the entry point. */
  body: string
}

export interface Program<B extends string = string, U extends string = string> {
  readonly name: string
  readonly bindings: { name: B; type: ElementType; written: boolean }[]
  readonly uniforms: { name: U | 'groups'; type: ScalarType }[]
  /** WGSL for a device with these optional features. */
  source(proven: Proven): string
}

/** Optional WebGPU features that have passed their check on this device (feature-check.ts). */
export interface Proven {
  /** Reductions by subgroups. */
  subgroups: boolean
  /** Half floats that the hardware reads. */
  f16: boolean
  /** Half floats that the hardware unpacks from words. */
  unpack: boolean
}

export function defineProgram<I extends string, O extends string, U extends string = never>(
  spec: ProgramSpec<I, O, U>,
): Program<I | O, U> {
  const list = (types: Record<string, ElementType | false>, written: boolean) =>
    Object.entries(types).flatMap(([name, type]) => (type ? [{ name: name as I | O, type, written }] : []))
  const bindings = [...list(spec.inputs, false), ...list(spec.outputs, true)]
  const uniforms = [
    { name: 'groups' as const, type: 'u32' as const },
    ...Object.entries<ScalarType>(spec.uniforms).map(([name, type]) => ({ name: name as U, type })),
  ]
  const { reductions = [] } = spec
  const source = ({ subgroups, f16, unpack }: Proven): string => {
    const prelude = subgroups && reductions.length > 0 ? subgroupPrelude : undefined
    const text = `
${prelude?.enable ?? ''}
${f16 && bindings.some(({ type }) => type === 'f16x4') ? 'enable f16;' : ''}
struct Uniforms { ${uniforms.map(({ name, type }) => `${name}: ${type}`).join(', ')} }
@group(0) @binding(0) var<uniform> u: Uniforms;
${bindings.map((binding, i) => declaration(binding, i, f16)).join('\n')}
${prelude?.declarations ?? ''}
${reductions.map((name) => reductionSource(name, spec.lanes, subgroups)).join('')}
${spec.declarations ?? ''}
@compute @workgroup_size(${spec.lanes})
fn main(
  @builtin(workgroup_id) groupId: vec3u,
  @builtin(num_workgroups) groupCount: vec3u,
  @builtin(local_invocation_index) lane: u32${prelude?.parameters ?? ''}
) {
${prelude?.body ?? ''}
  let group = groupId.y * groupCount.x + groupId.x;
  if (group >= u.groups) { return; }
${spec.body}
}`
    return unpack ? text.replaceAll(widen.f16, widenByUnpacking) : text
  }
  return { name: spec.name, bindings, uniforms, source }
}

function declaration({ name, type, written }: Program['bindings'][number], i: number, f16: boolean): string {
  const { element, functions } = isHalves(type) ? halfBinding(name, type, f16) : { element: type, functions: '' }
  return `@group(0) @binding(${i + 1}) var<storage, ${written ? 'read_write' : 'read'}> ${name}: array<${element}>;${functions}`
}

/** Float bindings, one per name. */
export const floats = <N extends string>(names: readonly N[]): Record<N, 'f32'> =>
  Object.fromEntries(names.map((name) => [name, 'f32'])) as Record<N, 'f32'>

/** A cache of programs that differ by constants in their text: each is made once. `make` must be pure. */
export function variants<A extends (string | number | boolean)[], P extends object>(
  make: (...constants: A) => P,
): (...constants: A) => P {
  const made = new Map<string, P>()
  return (...constants) => {
    const key = constants.join()
    let program = made.get(key)
    if (!program) made.set(key, (program = make(...constants)))
    return program
  }
}

/** Uniform values as the program's struct lays them out: scalars only, four bytes each. */
export function packUniforms(program: Program, values: Record<string, number>): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(4 * program.uniforms.length))
  program.uniforms.forEach(({ name, type }, i) => {
    if (type === 'f32') view.setFloat32(4 * i, values[name]!, true)
    else if (type === 'i32') view.setInt32(4 * i, values[name]!, true)
    else view.setUint32(4 * i, values[name]!, true)
  })
  return view.buffer
}
