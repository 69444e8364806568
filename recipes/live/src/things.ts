/** What scenes are made of, by name. Names of emoji are Unicode's, of the reader's list: those that a person tells apart at 40 px. */
import { hashText } from '@casa-js/data'

export const emojiNames = [
  // animals
  'tiger face', 'fox', 'panda', 'koala', 'penguin', 'owl', 'frog', 'crocodile', 'turtle', 'snake', 'octopus', 'crab', 'snail',
  'butterfly', 'honeybee', 'lady beetle', 'spider', 'elephant', 'camel', 'unicorn', 'rabbit face', 'pig face', 'cow face',
  'monkey face', 'dolphin', 'tropical fish', 'shark', 'duck', 'rooster',
  // plants
  'rose', 'sunflower', 'tulip', 'cactus', 'palm tree', 'evergreen tree', 'mushroom', 'maple leaf', 'shamrock', 'cherry blossom',
  // food
  'watermelon', 'lemon', 'banana', 'pineapple', 'red apple', 'green apple', 'pear', 'strawberry', 'tomato', 'eggplant', 'carrot',
  'bread', 'cheese wedge', 'hamburger', 'pizza', 'hot dog', 'ice cream', 'doughnut', 'cookie', 'birthday cake', 'lollipop',
  'beer mug',
  // things
  'rocket', 'bus', 'fire engine', 'tractor', 'bicycle', 'airplane', 'sailboat', 'helicopter', 'balloon', 'umbrella', 'snowman',
  'rainbow', 'fire', 'soccer ball', 'basketball', 'trophy', 'crown', 'bell', 'guitar', 'drum', 'key', 'hammer', 'bomb', 'candle',
  'light bulb', 'red heart', 'blue heart', 'green heart', 'ghost', 'skull', 'alien', 'camera', 'alarm clock', 'anchor', 'pencil',
  'wrapped gift', 'gem stone', 'television',
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
