import { createRandom } from '@casa-js/data'
import type { Example } from '@casa-js/core'
import { describe, expect, it } from 'vitest'
import createStyledDataset, { styled } from './dataset.ts'

const example: Example = {
  id: 'x',
  task: 'word',
  messages: [
    {
      role: 'user',
      content: [
        { type: 'image', image: { widthPx: 1, heightPx: 1, data: new Uint8Array(3) } },
        { type: 'text', text: 'Read it.' },
      ],
    },
    { role: 'assistant', content: [{ type: 'text', text: 'house' }] },
  ],
}

const textOf = ({ messages }: Example) =>
  messages.map(({ content }) => content.map((part) => (part.type === 'text' ? part.text : '')).join('')).join(' -> ')

describe('answers in the style that the question asks for', () => {
  it('are the words alone, a sentence, or JSON', () => {
    const seen = new Set(Array.from({ length: 40 }, (_, seed) => textOf(styled(example, createRandom(seed)))))
    expect([...seen].sort()).toEqual([
      'Read it. -> house',
      'Read it. Answer as JSON. -> {"text": "house"}',
      'Read it. Answer in a sentence. -> It says "house".',
    ])
    const drawn = { ...example, task: 'emoji' }
    const named = new Set(Array.from({ length: 40 }, (_, seed) => textOf(styled(drawn, createRandom(seed)))))
    expect([...named]).toContain('Read it. Answer as JSON. -> {"name": "house"}')
    expect([...named]).toContain('Read it. Answer in a sentence. -> It shows: house.')
  })

  it('leave longer conversations as they are', () => {
    const longer = { ...example, messages: [...example.messages, ...example.messages] }
    for (let seed = 0; seed < 10; seed++) expect(styled(longer, createRandom(seed))).toBe(longer)
  })

  it('follow from the example alone', async () => {
    const options = { split: 'train', seed: 1, difficulty: 0.2 } as const
    const [one, other] = [createStyledDataset(options), createStyledDataset(options)]
    expect(textOf(await one.get(3))).toBe(textOf(await other.get(3)))
  })
})
