/** Converts one tensor from one dtype to another, a block of rows at a time, and measures the error. */
import { ArgumentError } from '@casa-js/base'
import { dequantizeRows, groupsPerRow, quantizeRows } from '@casa-js/base/internal'
import type { QuantizedSource } from '../quantize/quantized-source.ts'
import { refuse } from '../refuse.ts'
import { decodeFloat32 } from '../safetensors/decode.ts'
import { countValues, dtypeBits, type Dtype } from '../safetensors/dtypes.ts'
import { encodeTensor } from '../safetensors/encode.ts'
import type { TensorSource } from '../safetensors/reader.ts'
import type { ErrorMeter } from './error-meter.ts'
import type { FloatDtype, PlannedTensor } from './plan.ts'

/** Bytes of float32 values converted at a time. */
const blockBytes = 8 << 20

/** Bytes of a tensor that changes neither dtype nor values. */
export async function* copied(source: TensorSource, tensor: PlannedTensor, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let begin = 0; begin < tensor.bytes; begin += blockBytes) {
    yield await source.readBytes(tensor.name, { begin, end: Math.min(tensor.bytes, begin + blockBytes) }, signal)
  }
}

/** Bytes of a tensor in another float dtype. @throws WeightError when a value does not fit. */
export async function* cast(
  source: TensorSource,
  tensor: PlannedTensor,
  error: ErrorMeter,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const to = tensor.to as FloatDtype
  for await (const values of blocks(source, tensor, 1, signal)) {
    const bytes = encodeTensor(source.name, tensor.name, { dtype: to, shape: [values.length], data: values })
    const result = decodeFloat32(to, bytes)
    const spoiled = values.findIndex((value, i) => Number.isFinite(value) && !Number.isFinite(result[i]))
    if (spoiled >= 0)
      refuse(
        source.name,
        'overflow',
        `the value ${values[spoiled]} does not fit into ${to}; BF16 has the range of float32`,
        tensor.name,
      )
    error.add(values, result)
    yield bytes
  }
}

/** Bytes of the values of a quantised tensor; `takeScales` gets the f16 scales block by block. */
export async function* quantized(
  source: TensorSource,
  tensor: PlannedTensor,
  error: ErrorMeter,
  takeScales: (scales: Uint16Array) => void,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const inputs = tensor.shape[1]!
  for await (const values of blocks(source, tensor, inputs, signal)) {
    const rows = quantize(source.name, tensor, values)
    error.add(values, dequantizeRows(rows, inputs, tensor.form!))
    takeScales(rows.scales)
    yield new Uint8Array(rows.values.buffer)
  }
}

/** Bytes of a matrix whose source gives it quantised, such as a GGUF file; `takeScales` gets its f16 scales. */
export async function* repacked(
  source: TensorSource,
  tensor: PlannedTensor,
  error: ErrorMeter,
  takeScales: (scales: Uint16Array) => void,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { name, shape, form } = tensor
  const [outputs, inputs] = shape as [number, number]
  const { values, scales } = await (source as QuantizedSource).readQuantized(name, signal)
  const halves = new Uint16Array(scales.buffer, scales.byteOffset, outputs * groupsPerRow(inputs, form!))
  error.add(await source.read(name, signal), dequantizeRows({ values, scales: halves }, inputs, form!))
  takeScales(halves)
  yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

function quantize(file: string, tensor: PlannedTensor, values: Float32Array) {
  try {
    return quantizeRows(values, tensor.shape[1]!, tensor.form!)
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error
    return refuse(file, 'quantized', error.message, tensor.name)
  }
}

/** float32 values in blocks of whole rows. Tensors that are already quantised are small and are read at once. */
async function* blocks(
  source: TensorSource,
  tensor: PlannedTensor,
  rowLength: number,
  signal?: AbortSignal,
): AsyncGenerator<Float32Array> {
  const total = countValues(tensor.shape)
  const step = Math.max(1, Math.floor(blockBytes / 4 / rowLength)) * rowLength
  const isQuantized = tensor.from === 'Q8' || tensor.from === 'Q4'
  const whole = isQuantized ? await source.read(tensor.name, signal) : undefined
  for (let begin = 0; begin < total; begin += step) {
    const end = Math.min(total, begin + step)
    if (whole) {
      yield whole.slice(begin, end)
    } else {
      const bytesPerValue = dtypeBits[tensor.from as Dtype] / 8
      const range = { begin: begin * bytesPerValue, end: end * bytesPerValue }
      yield decodeFloat32(tensor.from as Dtype, await source.readBytes(tensor.name, range, signal))
    }
  }
}
