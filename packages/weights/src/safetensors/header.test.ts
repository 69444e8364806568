import { WeightError } from '@casa-js/base'
import { describe, expect, it } from 'vitest'
import { memorySource } from '../bytes/source.ts'
import { readHeader } from './header.ts'

interface Raw {
  header: string | Uint8Array
  data?: number
  length?: bigint
}

/** A file of raw parts; `length` overrides the header's true length. */
function raw({ header, data = 0, length }: Raw): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header
  const bytes = new Uint8Array(8 + text.length + data)
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true)
  bytes.set(text, 8)
  return bytes
}

const read = (parts: Raw) => readHeader(memorySource('model.safetensors', raw(parts)))
const tensor = (dtype: string, shape: string, offsets: string) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`

const accepted: [string, Raw, number][] = [
  ['no tensors', { header: '{}' }, 0],
  ['padding by spaces', { header: '{}      ' }, 0],
  ['padding by newlines', { header: `{"a":${tensor('F32', '[1]', '[0,4]')}}\n\n`, data: 4 }, 1],
  ['metadata that is null', { header: `{"__metadata__": null, "a":${tensor('F32', '[1]', '[0,4]')}}`, data: 4 }, 1],
  ['white space between tokens', { header: '{ "a" :\n{"dtype":"U8",\t"shape":[ 2 ], "data_offsets":[0 , 2]}\r}', data: 2 }, 1],
  ['a scalar', { header: `{"a":${tensor('F32', '[]', '[0,4]')}}`, data: 4 }, 1],
  [
    'an empty tensor between others',
    {
      header: `{"b":${tensor('U8', '[1]', '[3,4]')},"e":${tensor('F32', '[0,7]', '[3,3]')},"a":${tensor('I8', '[3]', '[0,3]')}}`,
      data: 4,
    },
    3,
  ],
  ['values smaller than a byte that fill bytes', { header: `{"a":${tensor('F4', '[4]', '[0,2]')}}`, data: 2 }, 1],
  ['names with escapes', { header: `{"\\u00e9\\"\\\\":${tensor('U8', '[1]', '[0,1]')}}`, data: 1 }, 1],
  ['a tensor called __proto__', { header: `{"__proto__":${tensor('U8', '[1]', '[0,1]')}}`, data: 1 }, 1],
  ['metadata', { header: '{"__metadata__":{"format":"pt","__proto__":"x"}}' }, 0],
]

const text = (value: string) => new TextEncoder().encode(value)

const refused: [string, string, Raw | Uint8Array][] = [
  [
    'lfs-pointer',
    'what git-lfs leaves in place of a file',
    text('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 98000000\n'),
  ],
  ['format', 'a GGUF file', text('GGUF\x03\0\0\0\0\0\0\0')],
  ['format', 'a web page', text('<!DOCTYPE html><html></html>')],
  ['file-length', 'an empty file', new Uint8Array(0)],
  ['file-length', 'seven bytes', new Uint8Array(7)],
  ['header-size', 'a header above the limit', { header: '{}', length: 100_000_001n }],
  ['header-size', 'a header length with the top bit set', { header: '{}', length: 1n << 63n }],
  ['header-size', 'a header longer than the file', { header: '{}', length: 3n }],
  ['utf-8', 'bytes that are not UTF-8', { header: Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d) }],
  ['utf-8', 'an overlong encoding', { header: Uint8Array.of(0x7b, 0x22, 0xc0, 0x80, 0x22, 0x7d) }],
  ['json', 'a byte order mark', { header: '\ufeff{}' }],
  ['json', 'no header', { header: '' }],
  ['json', 'space before the object', { header: ' {}' }],
  ['json', 'an array', { header: '[]' }],
  ['json', 'an object that does not end', { header: '{"a":' }],
  ['json', 'a string that does not end', { header: '{"a' }],
  ['json', 'a trailing comma', { header: `{"a":${tensor('U8', '[1]', '[0,1]')},}`, data: 1 }],
  ['json', 'a comment', { header: '{/**/}' }],
  ['json', 'something after the object', { header: '{}{}' }],
  ['json', 'a control character in a name', { header: '{"\u0001":{}}' }],
  ['json', 'half a character in a name', { header: '{"\\ud800":{}}' }],
  ['json', 'an entry that is a string', { header: '{"a":"b"}' }],
  ['json', 'an entry that is nested', { header: `{"a":${'['.repeat(100_000)}` }],
  [
    'duplicate-key',
    'two tensors of one name',
    { header: `{"a":${tensor('U8', '[1]', '[0,1]')},"a":${tensor('U8', '[1]', '[0,1]')}}`, data: 1 },
  ],
  [
    'duplicate-key',
    'one name spelled in two ways',
    { header: `{"a":${tensor('U8', '[1]', '[0,1]')},"\\u0061":${tensor('U8', '[1]', '[1,2]')}}`, data: 2 },
  ],
  ['duplicate-key', 'two shapes', { header: '{"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}', data: 1 }],
  ['duplicate-key', 'two metadata keys', { header: '{"__metadata__":{"a":"b","a":"b"}}' }],
  ['fields', 'no dtype', { header: '{"a":{"shape":[1],"data_offsets":[0,1]}}', data: 1 }],
  ['fields', 'no shape', { header: '{"a":{"dtype":"U8","data_offsets":[0,1]}}', data: 1 }],
  ['fields', 'no offsets', { header: '{"a":{"dtype":"U8","shape":[1]}}', data: 1 }],
  [
    'fields',
    'a field that nobody knows',
    { header: '{"a":{"dtype":"U8","shape":[1],"strides":[1],"data_offsets":[0,1]}}', data: 1 },
  ],
  ['dtype', 'an unknown dtype', { header: `{"a":${tensor('f32', '[1]', '[0,4]')}}`, data: 4 }],
  ['dtype', 'a dtype of the object prototype', { header: `{"a":${tensor('toString', '[1]', '[0,4]')}}`, data: 4 }],
  ['json', 'a dtype that is no string', { header: '{"a":{"dtype":5,"shape":[1],"data_offsets":[0,4]}}', data: 4 }],
  ['shape', 'a negative size', { header: `{"a":${tensor('U8', '[-1]', '[0,1]')}}`, data: 1 }],
  ['shape', 'negative zero', { header: `{"a":${tensor('U8', '[-0]', '[0,0]')}}` }],
  ['shape', 'a fraction', { header: `{"a":${tensor('U8', '[1.0]', '[0,1]')}}`, data: 1 }],
  ['shape', 'an exponent', { header: `{"a":${tensor('U8', '[1e0]', '[0,1]')}}`, data: 1 }],
  ['shape', 'a leading zero', { header: `{"a":${tensor('U8', '[01]', '[0,1]')}}`, data: 1 }],
  ['shape', 'a size above 2^53', { header: `{"a":${tensor('U8', '[9007199254740993]', '[0,1]')}}`, data: 1 }],
  ['shape', 'a size that is null', { header: `{"a":${tensor('U8', '[null]', '[0,1]')}}`, data: 1 }],
  ['shape', 'a hundred dimensions', { header: `{"a":${tensor('U8', `[${Array(100).fill(1)}]`, '[0,1]')}}`, data: 1 }],
  ['overflow', 'a product above 2^53', { header: `{"a":${tensor('U8', '[4294967296,4294967296]', '[0,0]')}}` }],
  ['overflow', 'an overflow that a zero would hide', { header: `{"a":${tensor('U8', '[4294967296,4294967296,0]', '[0,0]')}}` }],
  ['overflow', 'more bits than 2^53', { header: `{"a":${tensor('F64', '[1125899906842624]', '[0,0]')}}` }],
  ['alignment', 'half a byte', { header: `{"a":${tensor('F4', '[3]', '[0,2]')}}`, data: 2 }],
  ['offsets', 'one offset', { header: `{"a":${tensor('U8', '[1]', '[0]')}}`, data: 1 }],
  ['shape', 'three offsets', { header: `{"a":${tensor('U8', '[1]', '[0,1,2]')}}`, data: 1 }],
  ['offsets', 'an end before the begin', { header: `{"a":${tensor('U8', '[1]', '[1,0]')}}`, data: 1 }],
  ['offsets', 'too few bytes for the shape', { header: `{"a":${tensor('F32', '[2]', '[0,4]')}}`, data: 4 }],
  ['offsets', 'too many bytes for the shape', { header: `{"a":${tensor('BF16', '[2]', '[0,8]')}}`, data: 8 }],
  ['holes', 'a hole at the start', { header: `{"a":${tensor('U8', '[1]', '[1,2]')}}`, data: 2 }],
  [
    'holes',
    'a hole in the middle',
    { header: `{"a":${tensor('U8', '[1]', '[0,1]')},"b":${tensor('U8', '[1]', '[2,3]')}}`, data: 3 },
  ],
  [
    'overlap',
    'two tensors on the same bytes',
    { header: `{"a":${tensor('U8', '[1]', '[0,1]')},"b":${tensor('U8', '[1]', '[0,1]')}}`, data: 1 },
  ],
  [
    'overlap',
    'an empty tensor inside another',
    { header: `{"a":${tensor('U8', '[2]', '[0,2]')},"b":${tensor('U8', '[0]', '[1,1]')}}`, data: 2 },
  ],
  ['file-length', 'a file cut short', { header: `{"a":${tensor('U8', '[4]', '[0,4]')}}`, data: 3 }],
  ['file-length', 'bytes left at the end', { header: `{"a":${tensor('U8', '[4]', '[0,4]')}}`, data: 5 }],
  ['json', 'metadata that is a number', { header: '{"__metadata__":1}' }],
  ['json', 'metadata with a number in it', { header: '{"__metadata__":{"a":1}}' }],
]

describe('the header of a safetensors file', () => {
  it.each(accepted)('may have %s', async (_, parts, tensors) => {
    expect((await read(parts)).tensors.size).toBe(tensors)
  })

  it.each(refused)('%s: refuses %s', async (rule, _, parts) => {
    const bytes = parts instanceof Uint8Array ? parts : raw(parts)
    const error = await readHeader(memorySource('model.safetensors', bytes)).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(WeightError)
    expect(error).toMatchObject({ rule, file: 'model.safetensors' })
    expect((error as WeightError).message).toMatch(/^model\.safetensors: /)
  })

  it('names the tensor that breaks a rule', async () => {
    const header = `{"good":${tensor('U8', '[1]', '[0,1]')},"bad":${tensor('F32', '[1]', '[1,2]')}}`
    await expect(read({ header, data: 2 })).rejects.toMatchObject({
      tensor: 'bad',
      message: 'model.safetensors: tensor "bad": F32 [1] takes 4 bytes, data_offsets [1, 2] hold 1',
    })
  })

  it('keeps metadata and gives places in the file', async () => {
    const header = `{"__metadata__":{"format":"pt","__proto__":"x"},"a":${tensor('I16', '[1,2]', '[0,4]')}}`
    const { tensors, metadata } = await read({ header, data: 4 })
    expect(Object.entries(metadata)).toEqual([
      ['format', 'pt'],
      ['__proto__', 'x'],
    ])
    expect(tensors.get('a')).toEqual({ dtype: 'I16', shape: [1, 2], begin: 8 + header.length, end: 12 + header.length })
  })
})
