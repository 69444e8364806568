import { TokenizerError } from '@casa-js/base'
import { describe, expect, it } from 'vitest'
import { formatText } from './python-text.ts'
import { type ChatTemplate, renderTemplate } from './template.ts'

const template = (source: string): ChatTemplate => ({ name: 'test', source, content: 'text', image: {}, stop: [] })
const render = (source: string, messages: unknown[] = []) => renderTemplate(template(source), messages)

describe('a hostile template ends with a typed error, soon', () => {
  it.each([
    ['a range of a thousand million', '{% for i in range(1000000000) %}x{% endfor %}'],
    ['a range without an end', '{{ range(1, 5, 0) | length }}'],
    [
      'nested loops',
      '{% for i in range(9999) %}{% for j in range(9999) %}{% for k in range(9999) %}x{% endfor %}{% endfor %}{% endfor %}',
    ],
    ['nested loops without a body', '{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}'],
    [
      'a text that doubles',
      '{% set ns = namespace(x="aaaaaaaa") %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}',
    ],
    ['a list that doubles', '{% set ns = namespace(x=[1, 2]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}'],
    ['lists that are searched', '{% set a = range(99999) %}{% for i in a %}{% if i in a %}{% endif %}{% endfor %}'],
    ['a macro that calls itself', '{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}'],
    [
      'a macro that calls itself twice',
      '{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}',
    ],
    ['a deep expression', '{{ ' + '('.repeat(20_000) + '1' + ')'.repeat(20_000) + ' }}'],
    ['a long template', 'x'.repeat(2_000_000)],
  ])('%s', (_, source) => {
    const begin = process.cpuUsage()
    expect(() => render(source)).toThrow(TokenizerError)
    const { user, system } = process.cpuUsage(begin)
    // About a second on an idle machine; the bound allows for a busy one.
    expect((user + system) / 1e6).toBeLessThan(5)
  })

  it('is refused the same way each time, and names the template', () => {
    const source = '{% for i in range(99999) %}{% for j in range(99999) %}{{ i }}{% endfor %}{% endfor %}'
    expect(() => render(source)).toThrow('chat template "test": it does too much work')
    expect(() => render(source)).toThrow('chat template "test": it does too much work')
  })
})

it('a long conversation is no hostile template', () => {
  const messages = Array.from({ length: 2000 }, (_, i) => ({
    role: i % 2 ? 'assistant' : 'user',
    content: `text ${i}`.repeat(50),
  }))
  const source = `{% for m in messages %}{% if loop.index0 > 0 and messages[loop.index0 - 1].role == m.role %}{{ raise_exception('twice') }}\
{% endif %}<{{ m['role'] }}>{{ m['content'] | trim }}{% if m.content is string and m.role == 'user' %}.{% endif %}
{% endfor %}`
  expect(render(source, messages).split('<')).toHaveLength(2001)
})

describe('what transformers gives to templates', () => {
  it('tools and documents are none where there are none', () => {
    expect(render('{% if tools is not none %}tools{% else %}no tools{% endif %}')).toBe('no tools')
    expect(render('{% if documents is not none %}documents{% else %}no documents{% endif %}')).toBe('no documents')
    expect(render('{% if tools %}tools{% endif %}{{ tools is defined }}')).toBe('true')
  })
  it('raise_exception reaches the caller', () => {
    expect(() => render("{{ raise_exception('no system role') }}")).toThrow('chat template "test": no system role')
  })
  it('strftime_now and range', () => {
    expect(render("{{ strftime_now('%Y') }}")).toBe(String(new Date().getFullYear()))
    expect(render("{{ strftime_now('%d %B') }}")).toMatch(/^\d\d [A-Z][a-z]+$/)
    expect(render('{% for i in range(2, 8, 3) %}{{ i }},{% endfor %}{{ range(3) | length }}')).toBe('2,5,3')
  })
  it('the filter format', () => {
    expect(render('{{ "%s is %d" | format("x", 3) }}')).toBe('x is 3')
    expect(render('{% set pattern = "<%s>" %}{{ pattern | format(messages[0].role) | upper }}', [{ role: 'user' }])).toBe(
      '<USER>',
    )
  })
})

describe('format is Python’s %', () => {
  // Expected values are Python's output.
  it.each([
    ['%s-%s', ['a', 1], 'a-1'],
    ['%d', [3.9], '3'],
    ['%5.2f|', [3.14159], ' 3.14|'],
    ['%-5s|', ['ab'], 'ab   |'],
    ['%05d', [-42], '-0042'],
    ['%+d', [7], '+7'],
    ['%x', [255], 'ff'],
    ['%r', ['a'], "'a'"],
    ['%s %s', [null, true], 'None True'],
    ['%.2s', ['abc'], 'ab'],
    ['100%%', [], '100%'],
  ] as const)('%j with %j', (pattern, values, expected) => expect(formatText(pattern, values)).toBe(expected))

  it('too few or too many values, and unknown letters, are errors', () => {
    expect(() => formatText('%s %s', ['a'])).toThrow('too few values')
    expect(() => formatText('%s', ['a', 'b'])).toThrow('2 values')
    expect(() => formatText('%q', ['a'])).toThrow('not supported')
  })
})
