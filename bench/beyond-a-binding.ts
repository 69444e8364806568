/**
 * Tensors larger than one buffer binding, at the sizes of a model of 2 billion parameters (Helium-1-2b), on a real WebGPU device with its real
 * limits: each case on WebGPU beside wasm, and how far apart they are. Needs some 4 GB of memory.
 *
 *   npx tsx --conditions=@casa-js/source bench/beyond-a-binding.ts
 */
import * as ops from '@casa-js/tensor'
import { randomValues } from '../packages/tensor/src/testing/random.ts'

type Case = { name: string; bytes: number; run(): ops.Tensor }

const random = (shape: number[], seed: number) =>
  ops.tensor(
    randomValues(
      shape.reduce((a, b) => a * b),
      seed,
    ),
    shape,
  )
const [vocabulary, width, heads, headSize] = [64_000, 2048, 8, 128]
const cachedTokens = 40_000

const head = (): ops.Tensor => random([vocabulary, width], 1)
const compressedHead = (): ops.Tensor => {
  const bits = new Uint32Array(randomValues(vocabulary * width, 1).buffer)
  const words = Int32Array.from({ length: bits.length / 2 }, (_, i) => (bits[2 * i]! >>> 16) | (bits[2 * i + 1]! & 0xffff0000))
  return ops.createCompressedWeight(words, [vocabulary, width], 'bf16')
}

const cases: Case[] = [
  { name: 'head in float32, one token', bytes: 4 * vocabulary * width, run: () => ops.linear(random([1, width], 2), head()) },
  {
    name: 'head in float32, gradient of 8 tokens',
    bytes: 4 * vocabulary * width,
    run: () => ops.matMul(random([8, vocabulary], 2), head()),
  },
  {
    name: 'head in bf16, one token',
    bytes: 2 * vocabulary * width,
    run: () => ops.linear(random([1, width], 2), compressedHead()),
  },
  {
    name: 'head in bf16, 8 tokens',
    bytes: 2 * vocabulary * width,
    run: () => ops.linear(random([8, width], 2), compressedHead()),
  },
  {
    name: 'embedding in float32',
    bytes: 4 * vocabulary * width,
    run: () =>
      ops.embedding(
        head(),
        Int32Array.from({ length: 32 }, (_, i) => (i * 7919) % vocabulary),
      ),
  },
  {
    name: `attention of one token to ${cachedTokens} keys`,
    bytes: 4 * cachedTokens * heads * headSize,
    run() {
      const [k, v] = [random([cachedTokens, heads, headSize], 1), random([cachedTokens, heads, headSize], 2)]
      const q = random([1, 2 * heads, headSize], 3)
      return ops.attention(q, k, v, { cuQ: Int32Array.of(0, 1), cuK: Int32Array.of(0, cachedTokens), causal: true })
    },
  },
]

async function on(device: ops.DeviceName, { run }: Case): Promise<Float32Array> {
  await ops.init({ device, software: true })
  const result = ops.scope(run)
  const values = ((await result.data()) as Float32Array).slice()
  ops.dispose(result)
  return values
}

const { adapter, limits } = await ops.init({ device: 'webgpu', software: true })
console.log(`${adapter}: a binding holds ${limits.maxStorageBufferBindingSize! / 2 ** 20} MiB\n`)
console.log('| case | MiB | largest difference, relative to the largest value |\n| --- | ---: | ---: |')
for (const each of cases) {
  const expected = await on('wasm', each)
  const found = await on('webgpu', each)
  const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  const apart = found.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i]!)), 0)
  if (!(apart <= 1e-4 * largest)) throw new Error(`${each.name}: ${apart} apart, the largest value is ${largest}`)
  console.log(`| ${each.name} | ${Math.round(each.bytes / 2 ** 20)} | ${(apart / largest).toExponential(1)} |`)
  // Tensors are freed with the devices, because a case's intermediate tensors are large.
  await ops.close()
}
