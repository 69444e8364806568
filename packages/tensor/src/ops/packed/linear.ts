/**
 * linear with a packed weight: y = x Wᵀ + bias.
 *
 *   x [..,D]  weight [O,D] packed  bias [O], optional  ->  [..,O]
 *
 * Quantised weights have kernels of their own. 16-bit ones are unpacked a panel of rows at a time, which lives for one product:
 * beside the packed weight there is never more than a panel in float32. The gradient reaches x and bias; the way back unpacks
 * again.
 */
import { packedForm, type PackedForm } from '../../engine/packed.ts'
import { scope } from '../../engine/scope.ts'
import { noGrad, record } from '../../engine/tape.ts'
import { rowsOf, type Tensor } from '../../engine/tensor.ts'
import { columnSum } from '../column-sum/index.ts'
import { add } from '../elementwise/index.ts'
import { matMul } from '../matmul/index.ts'
import { quantizedLinear } from '../quantized-linear/index.ts'
import { concat, reshape, slice } from '../shape/index.ts'
import { unpackPanel } from './index.ts'

/** Values of a panel: 16 MiB of floats. */
const panelValues = 2 ** 22

/** Rows [begin, begin + count) of a weight, panel by panel. */
export function panelsOf([outputs, inputs]: readonly number[], values = panelValues): { begin: number; count: number }[] {
  const rows = Math.max(1, Math.floor(values / Math.max(1, inputs)))
  return Array.from({ length: Math.ceil(outputs / rows) }, (_, i) => ({
    begin: i * rows,
    count: Math.min(rows, outputs - i * rows),
  }))
}

/** @throws Error if x's last axis is not the weight's second. */
export function packedLinear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const form = packedForm(weight)!
  if (x.shape[x.rank - 1] !== form.shape[1]) {
    throw new Error(`linear: x [${x.shape}] does not fit the ${form.kind} weight [${form.shape}], which is [out, in]`)
  }
  if (form.kind !== 'quantized') return halfLinear(x, weight, form, bias)
  const [outputs, inputs] = form.shape
  return quantizedLinear(x, { values: weight, scales: form.scales, outputs, inputs, bits: form.bits, group: form.group }, bias)
}

function halfLinear(x: Tensor, weight: Tensor, { shape }: PackedForm, bias?: Tensor): Tensor {
  const [outputs, inputs] = shape
  const { rows } = rowsOf(x.shape)
  const panels = panelsOf(shape)
  // Off the tape, so that scopes free each panel even while a gradient is being taken.
  const y = noGrad(() =>
    scope(() => {
      const flat = reshape(x, [rows, inputs])
      const parts = panels.map(({ begin, count }) =>
        scope(() =>
          matMul(flat, unpackPanel(weight, begin, count), { transposeB: true, bias: bias && slice(bias, [begin], [count]) }),
        ),
      )
      return reshape(concat(parts, 1), [...x.shape.slice(0, -1), outputs])
    }),
  )
  record([x, bias], [y], ([dy], [needsX, needsBias]) => {
    const flat = reshape(dy!, [rows, outputs])
    const partOf = ({ begin, count }: (typeof panels)[number]) =>
      scope(() => matMul(slice(flat, [0, begin], [rows, count]), unpackPanel(weight, begin, count)))
    const dx = needsX
      ? scope(() =>
          reshape(
            panels.map(partOf).reduce((sum, part) => add(sum, part)),
            x.shape,
          ),
        )
      : undefined
    const dBias = needsBias ? columnSum(flat) : undefined
    flat.dispose()
    return [dx, dBias]
  })
  return y
}
