/** Reading golden files: tensors by name, whatever their dtype. */
import { Safetensors, fileSource, type TensorSource } from '@casa-js/weights'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export interface Golden {
  has(name: string): boolean
  names(): string[]
  shape(name: string): number[]
  floats(name: string): Promise<Float32Array>
  integers(name: string): Promise<Int32Array>
  close(): Promise<void>
}

/** @throws WeightError when the file is missing or not a valid safetensors file. */
export async function openGolden(folder: string, file = 'golden.safetensors'): Promise<Golden> {
  const source: TensorSource = await Safetensors.open(await fileSource(join(folder, file)))
  const entries = source.entries()
  return {
    has: (name) => entries.has(name),
    names: () => [...entries.keys()],
    shape: (name) => entries.get(name)!.shape,
    floats: (name) => source.read(name),
    integers: (name) => source.readInt32(name),
    close: () => source.close(),
  }
}

export const holds = (folder: string, ...files: string[]): boolean => files.every((file) => existsSync(join(folder, file)))
