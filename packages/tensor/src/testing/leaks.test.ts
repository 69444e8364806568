/**
 * The leak check: tensors on the device stay as many over 1,000 training steps and 1,000 decoded tokens, and bytes as well.
 * And that what was trained and decoded is right: the loss falls, and cached decoding equals the full forward pass.
 */
import { describe, expect, it } from 'vitest'
import { init, type DeviceName } from '../engine/init.ts'
import { dispose, memory, scope, withoutLeaks } from '../engine/scope.ts'
import { argmax } from '../ops/argmax/index.ts'
import { linear } from '../ops/linear/index.ts'
import { createDecoder, createDecoding, createTrainer, forward, randomBatch, type DecoderShape } from './decoder.ts'

const shape: DecoderShape = { layers: 2, width: 8, heads: 2, hidden: 12, vocabulary: 11 }
const wanted = (process.env.CASA_DEVICES ?? 'cpu,wasm').split(',') as DeviceName[]

for (const device of wanted) {
  const missing = await init({ device }).then(
    () => undefined,
    (error: Error) => error.message,
  )
  describe.skipIf(missing)(`on ${device}${missing ? ` (${missing})` : ''}`, () => {
    it('1,000 training steps keep the tensor count and lower the loss', async () => {
      await init({ device })
      await withoutLeaks('training', async () => {
        const parameters = createDecoder(shape)
        const trainer = createTrainer(parameters, shape, 3e-3)
        const batch = randomBatch(2, 4, shape.vocabulary)
        const losses: number[] = []
        const before = memory()
        for (let i = 0; i < 1000; i++) {
          const loss = trainer.step(batch)
          if (i % 100 === 99 || i === 0) losses.push((await loss.data())[0])
          loss.dispose()
          if (memory().tensors !== before.tensors) expect.fail(`step ${i} left ${memory().tensors - before.tensors} tensors`)
        }
        expect(memory()).toEqual(before)
        expect(losses[0]).toBeGreaterThan(1.5)
        expect(losses.at(-1)).toBeLessThan(0.1)
        trainer.dispose()
        dispose(...Object.values(parameters))
      })
    })

    it('1,000 decoded tokens keep the tensor count and follow the full forward pass', async () => {
      await init({ device })
      await withoutLeaks('decoding', async () => {
        const parameters = createDecoder(shape)
        const decoding = createDecoding(parameters, shape, 1000)
        const ids = [3]
        const before = memory()
        for (let i = 0; i < 1000; i++) {
          ids.push(await decoding.next(ids[i]))
          if (memory().tensors !== before.tensors) expect.fail(`token ${i} left ${memory().tensors - before.tensors} tensors`)
        }
        expect(memory()).toEqual(before)
        const full = scope(() => {
          const hidden = forward(parameters, shape, Int32Array.from(ids.slice(0, 30)), Int32Array.of(0, 30))
          return argmax(linear(hidden, parameters.embed))
        })
        expect(Array.from(await full.data())).toEqual(ids.slice(1, 31))
        decoding.dispose()
        dispose(full, ...Object.values(parameters))
      })
    })
  })
}
