/** The material of a generator. One `Material` is one side of a split: nothing else can appear in the examples. */

/** One TTF file. */
export interface FontFace {
  /** Family by which training and held-out fonts are kept apart. */
  family: string
  /** Path of the file. */
  file: string
}

/** One drawing style of emoji. */
export interface EmojiStyle {
  style: string
  /** Drawing of an emoji by its name, as an SVG document. Every style has every name of `Material.emoji.names`. */
  svg(name: string): string
}

/** Numbers with labels, e.g. life expectancy by country. */
export interface Table {
  title: string
  rows: { label: string; value: number }[]
  /** How a value is written next to its bar; it is also the answer. */
  write(value: number): string
}

export interface Material {
  fonts: FontFace[]
  /** Lower case, letters only. */
  words: string[]
  /** Short lines of 2-4 words from real sentences. */
  lines: string[]
  emoji: { names: string[]; styles: EmojiStyle[] }
  tables: Table[]
}
