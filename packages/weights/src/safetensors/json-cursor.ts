/**
 * A cursor over JSON text that is stricter than JSON.parse: a repeated key is an error, a number is a plain non-negative integer, a
 * string is whole Unicode. It builds only the values that the caller asks for, so hostile text cannot make it allocate memory.
 */
import { CasaError } from '@casa-js/base'

export class JsonFault extends CasaError {
  readonly rule: 'json' | 'duplicate-key' | 'shape'
  constructor(rule: JsonFault['rule'], message: string) {
    super(message)
    this.rule = rule
  }
}

export class JsonCursor {
  readonly text: string
  at = 0
  constructor(text: string) {
    this.text = text
  }

  /** Calls `onKey` for each key of an object; it must consume the value. */
  object(what: string, onKey: (key: string) => void): void {
    this.expect('{', `${what} must be an object`)
    if (this.skip('}')) return
    const seen = new Set<string>()
    do {
      const key = this.string(`a key of ${what}`)
      if (seen.has(key)) throw new JsonFault('duplicate-key', `the key ${JSON.stringify(key)} of ${what} stands there twice`)
      seen.add(key)
      this.expect(':', `"${key}" of ${what} needs ':' and a value`)
      onKey(key)
    } while (this.skip(','))
    this.expect('}', `${what} needs ',' or '}'`)
  }

  /** An array of non-negative safe integers of at most `limit` items. */
  integers(what: string, limit: number): number[] {
    const items: number[] = []
    this.expect('[', `${what} must be an array`)
    if (this.skip(']')) return items
    do {
      if (items.length === limit) throw new JsonFault('shape', `${what} has more than ${limit} items`)
      items.push(this.integer(what))
    } while (this.skip(','))
    this.expect(']', `${what} needs ',' or ']'`)
    return items
  }

  integer(what: string): number {
    this.space()
    const plain = this.plainInteger()
    if (plain !== undefined) return plain
    const digits = /(?:0|[1-9][0-9]*)(?![0-9.eE])/y
    digits.lastIndex = this.at
    const match = digits.exec(this.text)
    const value = match ? Number(match[0]) : NaN
    if (!Number.isSafeInteger(value)) {
      throw new JsonFault('shape', `${what} must hold integers from 0 to 2^53 - 1, found ${this.excerpt()}`)
    }
    this.at = digits.lastIndex
    return value
  }

  /** An integer of at most 15 digits, followed by a comma or a bracket; undefined for any other text. */
  private plainInteger(): number | undefined {
    const { text } = this
    let value = 0
    let end = this.at
    for (; end < this.at + 16; end++) {
      const digit = text.charCodeAt(end) - 0x30
      if (!(digit >= 0 && digit <= 9)) break
      value = value * 10 + digit
    }
    const length = end - this.at
    const next = text[end]
    const isPlain = length > 0 && length < 16 && (length === 1 || text[this.at] !== '0') && (next === ',' || next === ']')
    if (!isPlain) return undefined
    this.at = end
    return value
  }

  string(what: string): string {
    this.space()
    if (this.text[this.at] !== '"') throw new JsonFault('json', `${what} must be a string, found ${this.excerpt()}`)
    const plain = this.plainString()
    if (plain !== undefined) return plain
    let end = this.at + 1
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === '\\' ? 2 : 1
    let value: unknown
    try {
      value = JSON.parse(this.text.slice(this.at, end + 1))
    } catch {
      throw new JsonFault('json', `${what} is not a valid JSON string: ${this.excerpt()}`)
    }
    if (typeof value !== 'string' || /\p{Surrogate}/u.test(value)) {
      throw new JsonFault('json', `${what} holds half of a character (a lone surrogate): ${this.excerpt()}`)
    }
    this.at = end + 1
    return value
  }

  /** A string of printable ASCII without escapes, as nearly all are; undefined for any other. A header may hold a million. */
  private plainString(): string | undefined {
    const { text } = this
    for (let end = this.at + 1; end < text.length; end++) {
      const code = text.charCodeAt(end)
      if (code === 0x22) {
        const value = text.slice(this.at + 1, end)
        this.at = end + 1
        return value
      }
      if (code === 0x5c || code < 0x20 || code > 0x7e) return undefined
    }
    return undefined
  }

  /** Whether null is next; then it is consumed. */
  skipNull(): boolean {
    this.space()
    if (!this.text.startsWith('null', this.at)) return false
    this.at += 4
    return true
  }

  /** Whether only white space follows. */
  isAtEnd(): boolean {
    this.space()
    return this.at === this.text.length
  }

  /** Reads past any value. */
  skipValue(what: string, depth = 0): void {
    if (depth > 32) throw new JsonFault('json', `${what} is nested too deeply`)
    this.space()
    const next = this.text[this.at]
    if (next === '"') {
      this.string(what)
    } else if (next === '{') {
      this.object(what, (key) => this.skipValue(key, depth + 1))
    } else if (this.skip('[')) {
      if (this.skip(']')) return
      do this.skipValue(what, depth + 1)
      while (this.skip(','))
      this.expect(']', `${what} needs ',' or ']'`)
    } else {
      const scalar = /(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![\w.+-])/y
      scalar.lastIndex = this.at
      if (!scalar.test(this.text)) throw new JsonFault('json', `${what} needs a value, found ${this.excerpt()}`)
      this.at = scalar.lastIndex
    }
  }

  /** Whether `mark` is next; then it is consumed. */
  skip(mark: string): boolean {
    this.space()
    if (this.text[this.at] !== mark) return false
    this.at++
    return true
  }

  expect(mark: string, otherwise: string): void {
    if (!this.skip(mark)) throw new JsonFault('json', `${otherwise}, found ${this.excerpt()}`)
  }

  excerpt(): string {
    return this.at < this.text.length
      ? `${JSON.stringify(this.text.slice(this.at, this.at + 24))} at character ${this.at}`
      : 'the end'
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.at++
    }
  }
}
