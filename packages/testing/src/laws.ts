/** Shared by the kits: laws by name, which may be skipped with a reason, and the law of tensor tables. */
import type { TensorTable } from '@casa-js/core'
import { expect, it } from 'vitest'

/** Laws that a family does not satisfy, and why. */
export type Skips<L extends string> = { reason: string; tests: L[] }[]

/** A test under the name of its law; the title of a skipped one gives the reason. */
export const lawsBut =
  <L extends string>(skip: Skips<L> = []) =>
  (name: L, title: string, test: () => void | Promise<void>): void => {
    const reason = skip.find(({ tests }) => tests.includes(name))?.reason
    it.skipIf(reason)(reason ? `${title} (skipped: ${reason})` : title, test)
  }

/** @throws unless every tensor is named once, with sizes above 0. */
export function expectTable(table: TensorTable): void {
  expect(new Set(table.map(({ name }) => name)).size).toBe(table.length)
  for (const { name, shape } of table) {
    const positive = shape.every((extent) => extent > 0)
    expect(positive, `${name} [${shape}]`).toBe(true)
  }
}
