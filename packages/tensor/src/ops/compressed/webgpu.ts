import { sizeOf } from '../../engine/tensor.ts'
import { rangeFrom } from '../../engine/webgpu/cuts.ts'
import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { widen } from '../../engine/webgpu/halves.ts'
import { defineProgram, variants } from '../../engine/webgpu/program.ts'
import type { DecompressRowsAttributes, DecompressRowsInputs } from './attributes.ts'

const lanes = 128

/** Bits of the float at column d; `row` counts from the first of the part that is bound. */
const valueOf = (format: DecompressRowsAttributes['format']): string => {
  if (format === 'bf16' || format === 'f16') {
    return `${widen[format]}
fn valueAt(row: u32, d: u32) -> u32 {
  let at = row * u.width + d;
  return widen((compressed[at / 2u] >> (16u * (at % 2u))) & 0xffffu);
}`
  }
  const bits = format === 'q8' ? 8 : 4
  return `${widen.f16}
fn valueAt(row: u32, d: u32) -> u32 {
  let word = bitcast<i32>(compressed[row * u.words + d / ${32 / bits}u]);
  let q = (word << (${32 - bits}u - ${bits}u * (d % ${32 / bits}u))) >> ${32 - bits}u;
  let at = row * u.scalesPerRow + d / u.groupSize + u.offsetScales;
  return bitcast<u32>(f32(q) * bitcast<f32>(widen((scales[at / 2u] >> (16u * (at % 2u))) & 0xffffu)));
}`
}

/** One row of the result per workgroup. A matrix larger than one binding is read in parts; each part writes the rows that it holds. */
const programFor = variants((format: DecompressRowsAttributes['format']) =>
  defineProgram({
    name: `decompressRows ${format}`,
    inputs: { compressed: 'u32', scales: format.startsWith('q') && 'u32', ids: 'i32' },
    outputs: { decompressed: 'u32' },
    uniforms: {
      width: 'u32',
      words: 'u32',
      scalesPerRow: 'u32',
      groupSize: 'u32',
      offsetScales: 'u32',
      begin: 'i32',
      end: 'i32',
    },
    lanes,
    declarations: valueOf(format),
    body: `
  let id = ids[group];
  let missing = id < 0 && u.begin == 0;
  if (!missing && (id < u.begin || id >= u.end)) { return; }
  for (var d = lane; d < u.width; d += ${lanes}u) {
    var value = 0u;
    if (!missing) { value = valueAt(u32(id - u.begin), d); }
    decompressed[group * u.width + d] = value;
  }`,
  }),
)

export const decompressRowsWebgpu: WebgpuKernel<DecompressRowsInputs, DecompressRowsAttributes> = (
  context,
  { ids, rows, width, format, group },
) => {
  const compressed = context.input('compressed')
  const decompressed = context.output([ids.length, width])
  if (ids.length * width === 0) return [decompressed]
  const uploaded = context.upload(ids)
  const given = context.optional('scales')
  const isQuantized = given !== undefined
  // Two rows of 16-bit floats always fill whole words.
  const unit = isQuantized ? 1 : 2
  const words = isQuantized ? Math.ceil((width * (format === 'q8' ? 8 : 4)) / 32) : width
  const total = sizeOf(compressed.shape)
  const scalesPerRow = isQuantized ? Math.ceil(width / group) : 0
  const split = { rows: ids.length, perRow: { ids: 1, decompressed: width } }
  for (const { begin, count } of context.cut(Math.ceil(rows / unit), words)) {
    const part = { tensor: compressed, begin: begin * words, length: Math.min(count * words, total - begin * words) }
    const scales = given ? rangeFrom(given, begin * scalesPerRow, count * scalesPerRow, 2) : { range: part, offset: 0 }
    const uniforms = {
      width,
      words,
      scalesPerRow,
      groupSize: group,
      offsetScales: scales.offset,
      begin: begin * unit,
      end: (begin + count) * unit,
    }
    context.runRows(programFor(format), { compressed: part, scales: scales.range, ids: uploaded, decompressed }, uniforms, split)
  }
  return [decompressed]
}
