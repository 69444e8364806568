import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { defineProgram } from '../../engine/webgpu/program.ts'
import { inputNames, type CopyRunsAttributes, type CopyRunsInputs } from './attributes.ts'

const lanes = 128

/** In whole words, whatever they hold. */
const program = defineProgram({
  name: 'copyRuns',
  inputs: { source: 'u32' },
  outputs: { copied: 'u32' },
  uniforms: { begin: 'u32', to: 'u32', size: 'u32', width: 'u32', stride: 'u32' },
  lanes,
  body: `
  let i = group * ${lanes}u + lane;
  if (i >= u.size) { return; }
  copied[u.to + i] = source[u.begin + i / u.width * u.stride + i % u.width];`,
})

export const copyRunsWebgpu: WebgpuKernel<CopyRunsInputs, CopyRunsAttributes> = (context, { parts, shape, dtype }) => {
  const copied = context.output(shape, dtype)
  let to = 0
  for (const { from, begin, count, width, stride } of parts) {
    const name = inputNames[from]!
    const source = name === 'a' ? context.input(name) : context.optional(name)!
    const size = count * width
    context.run(program, { source, copied }, { begin, to, size, width, stride }, Math.ceil(size / lanes))
    to += size
  }
  return [copied]
}
