import { readFile } from 'node:fs/promises'
import { expect, it, vi } from 'vitest'

it("the README's example runs and learns what it says", async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const [, code] = /```ts\n([\s\S]*?)```/.exec(readme)!
  const lines = vi.spyOn(console, 'log').mockImplementation(() => {})
  const body = code!
    .replace(/import \{([^}]*)\} from '@casa-js\/tensor'/, 'const {$1} = casa')
    .replace("device: 'auto'", "device: 'cpu'")
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as new (
    ...names: string[]
  ) => (casa: unknown) => Promise<void>
  await new AsyncFunction('casa', body)(await import('../index.ts'))
  const [weight] = lines.mock.calls.at(-1)! as [Float32Array]
  lines.mockRestore()
  expect(Math.abs(weight[0]! - 2)).toBeLessThan(0.05)
  expect(Math.abs(weight[1]! + 1)).toBeLessThan(0.05)
})
