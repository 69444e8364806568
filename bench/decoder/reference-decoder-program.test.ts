import { afterAll, expect, it } from 'vitest'
import { close, dispose, init, scope, withoutLeaks } from '@casa-js/tensor'
import { decoderTokens, referenceShape } from './decoder-shape.ts'
import { createProgram } from './reference-decoder-program.ts'

afterAll(close)

it.each([1, 2])('%i shards make up the batch that all contestants train on', async (shards) => {
  await init({ device: 'wasm' })
  await withoutLeaks('the program', async () => {
    const program = createProgram({ shards })
    const { ids, targets } = decoderTokens(referenceShape)
    const batches = []
    for (let shard = 0; shard < shards; shard++) batches.push(await (await program.stream(shard, shards)).next(0))
    expect(batches.flatMap(({ batch }) => [...batch.ids])).toEqual([...ids])
    expect(batches.flatMap(({ batch }) => [...batch.targets])).toEqual([...targets])

    let loss = 0
    for (const { batch, counted } of batches) {
      const value = scope(() => program.loss(batch))
      loss += ((await value.data())[0]! * counted) / ids.length
      dispose(value)
    }
    // What every contestant's table says before the first step.
    expect(loss).toBeCloseTo(6.28723, 4)
    await program.close?.()
  })
})
