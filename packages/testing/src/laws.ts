/** What the kits share: laws by name, some of them skipped with a reason, and the first law of all. */
import type { TensorTable } from '@casa-js/core'
import { expect, it } from 'vitest'

/** Laws that a family does not obey, and why. */
export type Skips<L extends string> = { reason: string; tests: L[] }[]

/** A test by the name of its law; one that is skipped says why in its title. */
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
