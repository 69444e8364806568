/** What train and this repository's recipes share with this package, and nobody else should build on. */
export { noFlaws, paintPicture, type Context, type Flaws } from './draw/picture.node.ts'
export { paintText, type TextPictureOptions } from './draw/text.node.ts'
export { packPrepared, prepareSample, type PreparedPicture, type PreparedSample } from './pack.ts'
