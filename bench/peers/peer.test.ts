import fc from 'fast-check'
import { expect, it } from 'vitest'
import { attentionInputs, attentionShape, transposed, values } from './peer.ts'

const size = fc.integer({ min: 1, max: 9 })

it('a matrix that is transposed twice is itself', () => {
  fc.assert(
    fc.property(size, size, (rows, columns) => {
      const matrix = values(rows * columns, 7)
      const turned = transposed(matrix, [rows, columns])
      for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) expect(turned[c * rows + r]).toBe(matrix[r * columns + c])
      expect(transposed(turned, [columns, rows])).toEqual(matrix)
    }),
  )
})

it('inputs of attention are the same numbers, tokens first or heads first', () => {
  const { heads, tokens, headSize: E } = attentionShape
  const [tokensFirst, headsFirst] = [attentionInputs('tokens first'), attentionInputs('heads first')]
  fc.assert(
    fc.property(fc.nat(2), fc.nat(7), fc.nat(tokens - 1), fc.nat(heads - 1), fc.nat(E - 1), (which, b, t, h, e) => {
      const found = headsFirst[which]![((b * heads + h) * tokens + t) * E + e]
      expect(found).toBe(tokensFirst[which]![((b * tokens + t) * heads + h) * E + e])
    }),
  )
})
