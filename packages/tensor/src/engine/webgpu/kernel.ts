/**
 * The WebGPU implementation of a kernel: WGSL programs, run on tensors and host arrays.
 *
 * A binding holds at most maxStorageBufferBindingSize bytes (at least 128 MiB). Programs that work row by row declare it and
 * are split here; the others (products, lookups, attention) cut their work themselves and bind ranges.
 */
import { DeviceError } from '@casa-js/base'
import type * as tf from '@tensorflow/tfjs-core'
import type { OptionalName, RequiredName } from '../inputs.ts'
import { sizeOf } from '../tensor.ts'
import type { CasaWebgpuBackend, Range } from './backend.ts'
import { cutAxis, type Cut, type TensorRange } from './cuts.ts'
import { packUniforms, type Program } from './program.ts'

export type Binding = tf.TensorInfo | TensorRange

export interface RowSplit {
  rows: number
  /** Elements per row in each binding that is cut with the rows; the others are bound whole. */
  perRow: Record<string, number>
  /** Rows per workgroup, a power of two. Default 1. */
  rowsPerGroup?: number
  /** Workgroups that work on the same rows. Default 1. */
  groupsAcross?: number
}

/** What every kernel can use, whatever its inputs. */
export interface WebgpuTools {
  /** A new tensor, not initialised: programs must write all of it. */
  output(shape: number[], dtype?: 'float32' | 'int32'): tf.TensorInfo
  /** A tensor for the length of this call, not initialised. */
  scratch(shape: number[], dtype?: 'float32' | 'int32'): tf.TensorInfo
  /** A host array on the device, for the length of this call. */
  upload(data: Int32Array | Float32Array): tf.TensorInfo
  /** Run a program in `groups` workgroups; nothing if that is 0. */
  run<B extends string, U extends string>(
    program: Program<B, U>,
    bindings: Record<B, Binding>,
    uniforms: Record<U, number>,
    groups: number,
  ): void
  /**
   * Run a program over rows, in as many dispatches as the bindings need. Where a program has them as uniforms, `rows` is the
   * count of one dispatch and `firstRow` what came before it.
   */
  runRows<B extends string, U extends string>(
    program: Program<B, U>,
    bindings: Record<B, Binding>,
    uniforms: Record<Exclude<U, 'rows' | 'firstRow'>, number>,
    split: RowSplit,
  ): void
  /** Cut an axis so that bindings which take `perStep` elements per step hold each piece; every piece starts an aligned range. */
  cut(extent: number, ...perStep: number[]): Cut[]
  /** Copy `length` elements of one tensor into another, at any place. */
  copy(from: tf.TensorInfo, to: tf.TensorInfo, at: number, length: number): void
  /** Fill a tensor with zeros. */
  clear(tensor: tf.TensorInfo): void
  /** Elements that one binding may hold. */
  readonly bindingElements: number
  /** Bytes of workgroup memory that a program may declare. */
  readonly workgroupBytes: number
}
export interface WebgpuContext<N extends string> extends WebgpuTools {
  input(name: RequiredName<N>): tf.TensorInfo
  /** Several inputs at once. */
  inputs<const Names extends readonly RequiredName<N>[]>(...names: Names): { [I in keyof Names]: tf.TensorInfo }
  /** An optional input. */
  optional(name: OptionalName<N>): tf.TensorInfo | undefined
}
/** Outputs are what it returns, in order. */
export type WebgpuKernel<N extends string, A> = (context: WebgpuContext<N>, attributes: A) => tf.TensorInfo[]

export function webgpuKernel<N extends string, A>(name: string, kernel: WebgpuKernel<N, A>) {
  return ({ inputs, attrs, backend }: Parameters<tf.KernelFunc>[0]): tf.TensorInfo[] => {
    const context = new Context<N>(name, inputs, backend as CasaWebgpuBackend)
    try {
      return kernel(context, attrs as A)
    } catch (error) {
      context.abandon()
      throw error
    } finally {
      context.release()
    }
  }
}

/** What a kernel works with, however its programs are run. */
export abstract class KernelContext<N extends string> implements WebgpuContext<N> {
  constructor(
    protected readonly kernelName: string,
    private readonly given: tf.NamedTensorInfoMap,
    private readonly limits: Pick<CasaWebgpuBackend, 'bindingBytes' | 'device'>,
  ) {}

  input(name: RequiredName<N>): tf.TensorInfo {
    return this.given[name]!
  }

  inputs<const Names extends readonly RequiredName<N>[]>(...names: Names) {
    return names.map((name) => this.input(name)) as { [I in keyof Names]: tf.TensorInfo }
  }

  optional(name: OptionalName<N>): tf.TensorInfo | undefined {
    return this.given[name]
  }

  abstract output(shape: number[], dtype?: 'float32' | 'int32'): tf.TensorInfo
  abstract scratch(shape: number[], dtype?: 'float32' | 'int32'): tf.TensorInfo
  abstract upload(data: Int32Array | Float32Array): tf.TensorInfo
  abstract copy(from: tf.TensorInfo, to: tf.TensorInfo, at: number, length: number): void
  abstract clear(tensor: tf.TensorInfo): void
  /** `groups` is above 0, and every binding fits. */
  protected abstract dispatch(
    program: Program,
    bindings: Record<string, Binding>,
    uniforms: Record<string, number>,
    groups: number,
  ): void

  get bindingElements(): number {
    return Math.floor(this.limits.bindingBytes / 4)
  }

  get workgroupBytes(): number {
    return this.limits.device.limits.maxComputeWorkgroupStorageSize
  }

  run(program: Program, bindings: Record<string, Binding>, uniforms: Record<string, number>, groups: number): void {
    if (groups === 0) return
    const most = this.limits.bindingBytes
    for (const { name } of program.bindings) {
      const bytes = bytesOf(bindings[name]!)
      if (bytes > most)
        throw new DeviceError(`${this.kernelName}: '${name}' takes ${bytes} bytes, but this WebGPU device binds at most ${most}`)
    }
    this.dispatch(program, bindings, uniforms, groups)
  }

  runRows(program: Program, bindings: Record<string, Binding>, uniforms: Record<string, number>, split: RowSplit): void {
    const { rows, perRow, rowsPerGroup = 1, groupsAcross = 1 } = split
    for (const { begin, count } of cutAxis(rows, Object.values(perRow), this.bindingElements, rowsPerGroup)) {
      const cut = Object.entries(bindings).map(([name, binding]) => {
        const width = perRow[name]
        return [name, width === undefined ? binding : range(binding as tf.TensorInfo, begin * width, count * width)]
      })
      const groups = Math.ceil(count / rowsPerGroup) * groupsAcross
      this.run(program, Object.fromEntries(cut), { ...uniforms, rows: count, firstRow: begin }, groups)
    }
  }

  cut(extent: number, ...perStep: number[]): Cut[] {
    return cutAxis(extent, perStep, this.bindingElements)
  }
}

const bytesOf = (binding: Binding): number => 4 * ('tensor' in binding ? binding.length : sizeOf(binding.shape))

/** Runs a kernel on tensors of tfjs, at once. */
class Context<N extends string> extends KernelContext<N> {
  private readonly temporary: tf.TensorInfo[] = []
  private readonly outputs: tf.TensorInfo[] = []

  constructor(
    kernelName: string,
    given: tf.NamedTensorInfoMap,
    private readonly backend: CasaWebgpuBackend,
  ) {
    super(kernelName, given, backend)
  }

  output(shape: number[], dtype: 'float32' | 'int32' = 'float32'): tf.TensorInfo {
    const tensor = this.create(shape, dtype)
    this.outputs.push(tensor)
    return tensor
  }

  scratch(shape: number[], dtype: 'float32' | 'int32' = 'float32'): tf.TensorInfo {
    const tensor = this.create(shape, dtype)
    this.temporary.push(tensor)
    return tensor
  }

  private create(shape: number[], dtype: 'float32' | 'int32'): tf.TensorInfo {
    // An empty tensor has no buffer of its own; this one is bound instead.
    const nothing = dtype === 'int32' ? new Int32Array(0) : new Float32Array(0)
    return this.backend.makeTensorInfo(shape, dtype, sizeOf(shape) === 0 ? nothing : undefined)
  }

  upload(data: Int32Array | Float32Array): tf.TensorInfo {
    // Freed buffers are pooled by exact size: powers of two keep the number of sizes small.
    const tensor = this.scratch([2 ** Math.ceil(Math.log2(data.length + 1))], data instanceof Int32Array ? 'int32' : 'float32')
    this.backend.writeHost(tensor, data)
    return tensor
  }

  protected dispatch(
    program: Program,
    bindings: Record<string, Binding>,
    uniforms: Record<string, number>,
    groups: number,
  ): void {
    const ranges = program.bindings.map(({ name }): Range => {
      const binding = bindings[name]!
      const bytes = bytesOf(binding)
      return 'tensor' in binding
        ? { tensor: binding.tensor, offset: 4 * binding.begin, bytes }
        : { tensor: binding, offset: 0, bytes }
    })
    this.backend.dispatch(program, ranges, packUniforms(program, { ...uniforms, groups }), groups)
  }

  copy(from: tf.TensorInfo, to: tf.TensorInfo, at: number, length: number): void {
    if (length > 0) this.backend.copy(from, to, 4 * at, 4 * length)
  }

  clear(tensor: tf.TensorInfo): void {
    if (sizeOf(tensor.shape) > 0) this.backend.clear(tensor)
  }

  release(): void {
    for (const tensor of this.temporary) this.backend.disposeData(tensor.dataId)
  }

  /** The kernel failed, so its outputs are freed here. */
  abandon(): void {
    for (const tensor of this.outputs) this.backend.disposeData(tensor.dataId)
  }
}

/** The last row of compressed data may be shorter than the others. */
function range(tensor: tf.TensorInfo, begin: number, length: number): TensorRange {
  return { tensor, begin, length: Math.min(length, sizeOf(tensor.shape) - begin) }
}
