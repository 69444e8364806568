/**
 * What scenes are made of, by name. Names of emoji are Unicode's, of the reader's list: those whose colour and outline are the same in
 * every style, so that a small encoder tells them apart at 46 px.
 */
import { hashText } from '@casa-js/data'

export const emojiNames = [
  // animals
  'frog', 'panda', 'penguin', 'crab', 'octopus', 'owl', 'lady beetle', 'elephant',
  // plants and food
  'sunflower', 'cactus', 'mushroom', 'rose', 'evergreen tree', 'banana', 'strawberry', 'watermelon', 'red apple', 'lemon', 'carrot',
  'pizza', 'hamburger', 'doughnut',
  // things
  'rainbow', 'fire', 'snowman', 'soccer ball', 'basketball', 'rocket', 'red heart', 'ghost', 'crown', 'bomb',
] as const // prettier-ignore

export const shapeNames = ['circle', 'square', 'triangle', 'diamond', 'cross'] as const
export type ShapeName = (typeof shapeNames)[number]

/** Fill of a shape; papers are pale, so all of them stand out. */
export const colours = {
  red: '#d22b2b',
  blue: '#2346c7',
  green: '#1d8a3b',
  yellow: '#f2c500',
  purple: '#8a2be2',
  orange: '#f07b05',
  black: '#151515',
  pink: '#f06ab0',
} as const
export type ColourName = keyof typeof colours
export const colourNames = Object.keys(colours) as ColourName[]

/** Numbers of a group, 1 to 6. */
export const numberWords = ['one', 'two', 'three', 'four', 'five', 'six'] as const

/**
 * One combination in eight is never trained on: what a thing does ("camel", "shrinks") and which colour a shape has ("blue",
 * "cross"). A function of the two texts alone, so what is held out stays so.
 */
export const isHeldOutCombination = (one: string, other: string): boolean => hashText(`${one} + ${other}`) % 8 === 0
