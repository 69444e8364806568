/** Numbers on the command line, parsed and checked by commander before a command starts. */
import { InvalidArgumentError } from 'commander'

const written = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** Values too large for any memory, which would fail later with a less clear message. */
export const mostTokens = 1_000_000

/**
 * For whole numbers from `least` to `most`, as the second argument of `option`.
 * @returns a parser that throws commander's error, which names the option.
 */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return parser('a whole number', least, most, Number.isSafeInteger)
}

/** For numbers from `least` to `most`. */
export function decimal(least: number, most: number): (text: string) => number {
  return parser('a number', least, most, Number.isFinite)
}

function parser(what: string, least: number, most: number, isValid: (value: number) => boolean): (text: string) => number {
  const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`
  return (text) => {
    const value = Number(text)
    if (written.test(text.trim()) && isValid(value) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Expected ${what}, ${range}.`)
  }
}
