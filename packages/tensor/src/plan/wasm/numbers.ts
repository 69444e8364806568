/** The numbers of a step that change, in memory that kernels read. */
import type { WasmBackend } from '../../engine/wasm/device.ts'
import { movingStep } from '../../engine/wasm/kernel.ts'
import { at, type Moving, type PlanNode } from '../nodes.ts'
import { HeapBlock } from './heap-block.ts'

/** The tokens' ids come first. Layers that count alike share theirs. */
export class StepNumbers {
  private readonly lists = new Map<string, { moving: readonly Moving[]; begin: number }>()
  private readonly block: HeapBlock

  constructor(
    nodes: readonly PlanNode[],
    /** How many. */
    ids: number,
    private readonly backend: WasmBackend,
  ) {
    let begin = ids
    for (const { moving } of nodes) {
      if (!moving || this.lists.has(keyOf(moving))) continue
      this.lists.set(keyOf(moving), { moving, begin })
      begin += moving.length
    }
    this.block = new HeapBlock(backend, 4 * begin)
  }

  /** Where those of a node are; undefined if it has none. */
  pointerOf({ moving, takesIds }: PlanNode): number | undefined {
    if (takesIds) return this.block.pointer
    return moving && this.block.pointer + 4 * this.lists.get(keyOf(moving))!.begin
  }

  /** Returns a text that differs when one of them has passed a multiple of `movingStep`. */
  write(moves: readonly number[], ids: Int32Array): string {
    const numbers = new Int32Array(this.backend.wasm.HEAPU8.buffer, this.block.pointer, this.block.bytes / 4)
    numbers.set(ids)
    const stages: number[] = []
    for (const { moving, begin } of this.lists.values()) {
      moving.forEach((number, i) => {
        const value = (numbers[begin + i] = at(number, moves))
        if (number.track !== undefined) stages.push(Math.floor(value / movingStep), Math.ceil(value / movingStep))
      })
    }
    return stages.join()
  }

  dispose(): void {
    this.block.free()
  }
}

const keyOf = (moving: readonly Moving[]): string => moving.map(({ first, track }) => `${first} ${track}`).join()
