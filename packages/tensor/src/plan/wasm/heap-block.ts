import type { WasmBackend } from '../../engine/wasm/device.ts'

/** Blocks, and values in them, start at multiples of a cache line. */
export const alignment = 64

/** Memory in the heap of the wasm device. */
export class HeapBlock {
  readonly pointer: number
  private readonly begin: number

  constructor(
    private readonly backend: WasmBackend,
    readonly bytes: number,
  ) {
    this.begin = backend.wasm._malloc(bytes + alignment) >>> 0
    this.pointer = Math.ceil(this.begin / alignment) * alignment
  }

  free(): void {
    this.backend.wasm._free(this.begin)
  }
}
