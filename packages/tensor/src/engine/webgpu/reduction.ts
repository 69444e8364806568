/**
 * Reductions over a workgroup: `sumOfGroup`, `sumOfGroup4`, `maxOfGroup`, each `(value, lane)`, with the result in every
 * invocation. They must be called in uniform control flow. On one device they always combine in the same order.
 *
 * With subgroups the hardware does most of it: two barriers instead of log2(lanes). WGSL does not guarantee that subgroups are runs
 * of consecutive invocations, so that is checked once per device (feature-check.ts) before subgroups are used.
 */
export type Reduction = 'sumOfGroup' | 'sumOfGroup4' | 'maxOfGroup'

const forms: Record<Reduction, { type: string; combine(a: string, b: string): string; subgroup: string }> = {
  sumOfGroup: { type: 'f32', combine: (a, b) => `${a} + ${b}`, subgroup: 'subgroupAdd' },
  sumOfGroup4: { type: 'vec4f', combine: (a, b) => `${a} + ${b}`, subgroup: 'subgroupAdd' },
  maxOfGroup: { type: 'f32', combine: (a, b) => `max(${a}, ${b})`, subgroup: 'subgroupMax' },
}

/** The fewest invocations that WebGPU lets a subgroup have. */
const smallestSubgroup = 4

export const reductionSource = (name: Reduction, lanes: number, subgroups: boolean): string => {
  const { type, combine, subgroup } = forms[name]
  if (subgroups) {
    return `
var<workgroup> ${name}Shares: array<${type}, ${lanes / smallestSubgroup}>;
fn ${name}(value: ${type}, lane: u32) -> ${type} {
  let own = ${subgroup}(value);
  workgroupBarrier();
  if (laneInSubgroup == 0u) { ${name}Shares[lane / lanesInSubgroup] = own; }
  workgroupBarrier();
  var all = ${name}Shares[0];
  for (var i = 1u; i < (${lanes}u + lanesInSubgroup - 1u) / lanesInSubgroup; i++) { all = ${combine('all', `${name}Shares[i]`)}; }
  return all;
}`
  }
  return `
var<workgroup> ${name}Shares: array<${type}, ${lanes}>;
fn ${name}(value: ${type}, lane: u32) -> ${type} {
  workgroupBarrier();
  ${name}Shares[lane] = value;
  for (var half = ${lanes / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { ${name}Shares[lane] = ${combine(`${name}Shares[lane]`, `${name}Shares[lane + half]`)}; }
  }
  workgroupBarrier();
  return ${name}Shares[0];
}`
}

/** The extra declarations and setup of a program that reduces by subgroups. */
export const subgroupPrelude = {
  enable: 'enable subgroups;',
  declarations: 'var<private> laneInSubgroup: u32;\nvar<private> lanesInSubgroup: u32;',
  parameters: ', @builtin(subgroup_invocation_id) subgroupLane: u32, @builtin(subgroup_size) subgroupSize: u32',
  body: '  laneInSubgroup = subgroupLane;\n  lanesInSubgroup = subgroupSize;',
}
