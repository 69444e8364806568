/**
 * Training and held-out material never meet: fonts by family, words, lines and table rows by a hash of their text, emoji by
 * style.
 */
import { hashText } from '@casa-js/data'

export type Split = 'train' | 'heldOut'

/** One in ten, for good: a function of the text alone. */
export const isHeldOut = (text: string) => hashText(text.toLowerCase()) % 10 === 0

export const belongsTo = (split: Split) => (text: string) => isHeldOut(text) === (split === 'heldOut')
