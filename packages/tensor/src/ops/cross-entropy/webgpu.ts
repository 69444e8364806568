import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { defineProgram, variants, type Program } from '../../engine/webgpu/program.ts'
import { lowest } from '../../engine/webgpu/snippets.ts'
import type {
  CrossEntropyAttributes,
  CrossEntropyGradAttributes,
  CrossEntropyGradInputs,
  CrossEntropyInputs,
} from './attributes.ts'

const lanes = 256

/** The log-sum-exp of earlier chunks counts as one more exponential. */
const carry = `
  if (lane == 0u) {
    let higher = max(top, lseBefore[group]);
    sum = sum * exp(top - higher) + exp(lseBefore[group] - higher);
    top = higher;
  }`

type Bindings = 'logits' | 'targets' | 'lseBefore' | 'pickedBefore' | 'lse' | 'picked'

/** One row per workgroup, read once: each invocation keeps a running maximum and the sum of exponentials below it. */
const forward = variants((continues: boolean): Program<Bindings, 'width' | 'start'> =>
  defineProgram({
    name: 'crossEntropy',
    inputs: { logits: 'f32', targets: 'i32', lseBefore: continues && 'f32', pickedBefore: continues && 'f32' },
    outputs: { lse: 'f32', picked: 'f32' },
    uniforms: { width: 'u32', start: 'i32' },
    lanes,
    reductions: ['maxOfGroup', 'sumOfGroup'],
    body: `
  let at = group * u.width;
  var top = ${lowest};
  var sum = 0.0;
  for (var c = lane; c < u.width; c += ${lanes}u) {
    let logit = logits[at + c];
    let higher = max(top, logit);
    sum = sum * exp(top - higher) + exp(logit - higher);
    top = higher;
  }
  ${continues ? carry : ''}
  let highest = maxOfGroup(top, lane);
  let total = sumOfGroup(sum * exp(top - highest), lane);
  if (lane == 0u) {
    lse[group] = highest + log(total);
    let column = targets[group] - u.start;
    var value = ${continues ? 'pickedBefore[group]' : '0.0'};
    if (column >= 0 && column < i32(u.width)) { value += logits[at + u32(column)]; }
    picked[group] = value;
  }`,
  }),
)

/** One row per workgroup. A row of weight 0 reads no logits. */
const gradient = defineProgram({
  name: 'crossEntropy gradient',
  inputs: { logits: 'f32', lse: 'f32', dLoss: 'f32', targets: 'i32', weights: 'f32' },
  outputs: { dLogits: 'f32' },
  uniforms: { width: 'u32', start: 'i32' },
  lanes,
  body: `
  let at = group * u.width;
  let factor = weights[group] * dLoss[0];
  for (var c = lane; c < u.width; c += ${lanes}u) {
    var value = 0.0;
    if (factor != 0.0) {
      let isTarget = u.start + i32(c) == targets[group];
      value = factor * (exp(min(logits[at + c] - lse[group], 0.0)) - select(0.0, 1.0, isTarget));
    }
    dLogits[at + c] = value;
  }`,
})

export const crossEntropyWebgpu: WebgpuKernel<CrossEntropyInputs, CrossEntropyAttributes> = (
  context,
  { rows, width, start, targets },
) => {
  const logits = context.input('logits')
  const [lseBefore, pickedBefore] = [context.optional('lse'), context.optional('picked')]
  const [lse, picked] = [context.output([rows]), context.output([rows])]
  const bindings = {
    logits,
    targets: context.upload(targets),
    lseBefore: lseBefore ?? logits,
    pickedBefore: pickedBefore ?? logits,
    lse,
    picked,
  }
  const perRow = { logits: width, targets: 1, lseBefore: 1, pickedBefore: 1, lse: 1, picked: 1 }
  context.runRows(forward(lseBefore !== undefined), bindings, { width, start }, { rows, perRow })
  return [lse, picked]
}

export const crossEntropyGradWebgpu: WebgpuKernel<CrossEntropyGradInputs, CrossEntropyGradAttributes> = (context, attributes) => {
  const { rows, width, start, targets, weights } = attributes
  const [logits, lse, dLoss] = context.inputs('logits', 'lse', 'dLoss')
  const dLogits = context.output([rows, width])
  const bindings = { logits, lse, dLoss, targets: context.upload(targets), weights: context.upload(weights), dLogits }
  const perRow = { logits: width, lse: 1, targets: 1, weights: 1, dLogits: width }
  context.runRows(gradient, bindings, { width, start }, { rows, perRow })
  return [dLogits]
}
