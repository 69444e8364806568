/** What this repository's recipes draw with, and nobody else should build on. */
export { contrast, cssOf, inkOnPaper, lightPaper, luminance, type Rgb } from './draw/colours.ts'
export { drawFlaws, noFlaws, paintPicture, type Context, type Flaws } from './draw/picture.node.ts'
export { paintText, type TextPictureOptions } from './draw/text.node.ts'
