/**
 * linear: y = x weightᵀ + bias, the weight laid out as in checkpoints.
 *
 *   x [..,D]  weight [O,D], float32 or compressed (../compressed)  bias [O], optional  ->  [..,O]
 */
import { ArgumentError } from '@casa-js/base'
import { compressedForm } from '../../engine/compressed.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { rowsOf } from '../../engine/tensor.ts'
import { matMul } from '../matmul/index.ts'
import { compressedLinear } from '../compressed/linear.ts'
import { reshape } from '../shape/index.ts'

/**
 * A linear layer, y = x weightᵀ + bias (torch.nn.functional.linear): x [.., D], weight [O, D], bias [O] give [.., O], float32. The weight may be
 * compressed (bf16, f16, int8, int4): it is then widened as it is read, products are summed in float32, and gradients are computed for x and
 * bias only.
 * @throws ArgumentError if x's last axis is not the weight's second
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  if (compressedForm(weight)) return compressedLinear(x, weight, bias)
  if (weight.rank !== 2 || x.shape[x.rank - 1] !== weight.shape[1]) {
    throw new ArgumentError(`linear: x [${x.shape}] does not fit weight [${weight.shape}], which is [out, in]`)
  }
  if (x.rank === 2) return matMul(x, weight, { transposeB: true, bias })
  const { rows, width } = rowsOf(x.shape)
  const y = matMul(reshape(x, [rows, width]), weight, { transposeB: true, bias })
  return reshape(y, [...x.shape.slice(0, -1), weight.shape[0]])
}
