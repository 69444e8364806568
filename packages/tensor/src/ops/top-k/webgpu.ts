import type * as tf from '@tensorflow/tfjs-core'
import type { WebgpuTools, WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { defineProgram, variants, type Program } from '../../engine/webgpu/program.ts'
import { lowest } from '../../engine/webgpu/snippets.ts'
import type { TopKAttributes, TopKInputs } from './attributes.ts'

const lanes = 128
/** Columns that one workgroup of the first pass scans. */
const columnsPerPart = 2048

type Bindings = 'candidates' | 'columns' | 'values' | 'indices'

/**
 * One part of one row per workgroup: finds its k best in k passes, each for the next best in the order
 * "higher value, then lower column". Places that no column fills get the lowest value and the highest column.
 * Given `columns`, candidates carry the column that they came from.
 */
const program = variants((listed: boolean): Program<Bindings, 'width' | 'perPart' | 'k'> =>
  defineProgram({
    name: 'topK',
    inputs: { candidates: 'f32', columns: listed && 'i32' },
    outputs: { values: 'f32', indices: 'i32' },
    uniforms: { width: 'u32', perPart: 'u32', k: 'u32' },
    lanes,
    declarations: `
var<workgroup> bestValues: array<f32, ${lanes}>;
var<workgroup> bestColumns: array<i32, ${lanes}>;
fn precedes(a: f32, columnA: i32, b: f32, columnB: i32) -> bool { return a > b || (a == b && columnA < columnB); }`,
    body: `
  let parts = (u.width + u.perPart - 1u) / u.perPart;
  let row = group / parts;
  let begin = group % parts * u.perPart;
  let end = min(u.width, begin + u.perPart);
  var lastValue = 3.4028234e38;
  var lastColumn = -1;
  for (var rank = 0u; rank < u.k; rank++) {
    var value = ${lowest};
    var column = 0x7fffffff;
    for (var c = begin + lane; c < end; c += ${lanes}u) {
      let candidate = max(candidates[row * u.width + c], ${lowest});
      let origin = ${listed ? 'columns[row * u.width + c]' : 'i32(c)'};
      if (precedes(lastValue, lastColumn, candidate, origin) && precedes(candidate, origin, value, column)) {
        value = candidate;
        column = origin;
      }
    }
    bestValues[lane] = value;
    bestColumns[lane] = column;
    for (var half = ${lanes / 2}u; half > 0u; half /= 2u) {
      workgroupBarrier();
      if (lane < half && precedes(bestValues[lane + half], bestColumns[lane + half], bestValues[lane], bestColumns[lane])) {
        bestValues[lane] = bestValues[lane + half];
        bestColumns[lane] = bestColumns[lane + half];
      }
    }
    workgroupBarrier();
    lastValue = bestValues[0];
    lastColumn = bestColumns[0];
    workgroupBarrier();
    if (lane == 0u) {
      values[group * u.k + rank] = lastValue;
      indices[group * u.k + rank] = lastColumn;
    }
  }`,
  }),
)

/** Write values and columns of the k best of each row, [rows, k]. Parts of a row first, then the best of its parts. */
export function best(
  context: WebgpuTools,
  x: tf.TensorInfo,
  { rows, width, k }: TopKAttributes,
  out: { values: tf.TensorInfo; indices: tf.TensorInfo },
): void {
  const parts = Math.ceil(width / columnsPerPart)
  if (parts === 1) {
    return select(context, { candidates: x, columns: x, ...out }, { rows, width, k, perPart: width, listed: false })
  }
  const candidates = context.scratch([rows, parts * k])
  const columns = context.scratch([rows, parts * k], 'int32')
  const first = { candidates: x, columns: x, values: candidates, indices: columns }
  select(context, first, { rows, width, k, perPart: columnsPerPart, listed: false })
  select(context, { candidates, columns, ...out }, { rows, width: parts * k, k, perPart: parts * k, listed: true })
}

interface Pass extends Record<'rows' | 'width' | 'k' | 'perPart', number> {
  /** Candidates carry the column that they came from. */
  listed: boolean
}

function select(context: WebgpuTools, bindings: Record<Bindings, tf.TensorInfo>, pass: Pass): void {
  const { rows, width, k, perPart, listed } = pass
  const parts = Math.ceil(width / perPart)
  const perRow = { candidates: width, columns: width, values: parts * k, indices: parts * k }
  context.runRows(program(listed), bindings, { width, perPart, k }, { rows, perRow, groupsAcross: parts })
}

export const topKWebgpu: WebgpuKernel<TopKInputs, TopKAttributes> = (context, attributes) => {
  const shape = [attributes.rows, attributes.k]
  const [values, indices] = [context.output(shape), context.output(shape, 'int32')]
  best(context, context.input('x'), attributes, { values, indices })
  return [values, indices]
}
