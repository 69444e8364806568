/** The sum and the mean of all values, in as many dispatches as the binding size requires. */
import { DeviceError } from '@casa-js/base'
import { sizeOf } from '../tensor.ts'
import { defineTotal } from './total.ts'
import type { WebgpuContext, WebgpuKernel } from './kernel.ts'

const total = defineTotal('sum', 'x[i]')

interface ReductionAttributes {
  axis?: number | number[] | null
  keepDims?: boolean
}

/** @throws DeviceError if less than everything is to be summed, or integers. */
function totalOf(context: WebgpuContext<'x'>, { axis, keepDims }: ReductionAttributes, factorOf: (size: number) => number) {
  const x = context.input('x')
  if ((axis !== undefined && axis !== null) || keepDims || x.dtype !== 'float32') {
    throw new DeviceError(
      `sum of ${x.dtype} [${x.shape}] along ${axis}: beyond one binding only all of a float32 tensor can be summed`,
    )
  }
  const size = sizeOf(x.shape)
  return [total(context, x, size, { factor: factorOf(size) })]
}

type Reduction = WebgpuKernel<'x', ReductionAttributes>

export const sumInParts: Reduction = (context, attributes) => totalOf(context, attributes, () => 1)
export const meanInParts: Reduction = (context, attributes) => totalOf(context, attributes, (size) => 1 / size)
