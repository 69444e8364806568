import { describe, expect, it } from 'vitest'
import { isRight, plainQuestions } from './plain-questions.ts'

const [capital, ...others] = plainQuestions

describe('plain questions', () => {
  it('are fifty, no two alike', () => {
    expect(new Set(plainQuestions.map(({ question }) => question)).size).toBe(50)
  })

  it('are answered right by what is asked for, in a sentence too, and by nothing else', () => {
    expect(isRight(capital!, 'The capital of France is Paris.')).toBe(true)
    expect(isRight(capital!, 'Parisian')).toBe(false)
    expect(others.filter((one) => isRight(one, 'The capital of France is Paris.') || isRight(one, ''))).toEqual([])
    const sum = plainQuestions.find(({ question }) => question === 'What is 2 + 2?')!
    expect([isRight(sum, '2 + 2 = 4'), isRight(sum, '2 + 2 = 22, not 4')]).toEqual([true, false])
  })

  it('do not hold their own answers', () => {
    expect(plainQuestions.filter((one) => isRight(one, one.question)).map(({ question }) => question)).toEqual([])
  })
})
