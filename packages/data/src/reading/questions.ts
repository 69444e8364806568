/** The wordings of every question. Several for each task, so that a model has to read them. */

export const questions = {
  glyph: ['Which characters are these?', 'Read the characters.', 'What is the code?', 'Read the code.'],
  word: ['Which word is this?', 'Read the word.', 'What does it say?', 'What is written here?', 'Which word is in the picture?'],
  line: ['Read the line.', 'What does the line say?', 'What does it say?', 'What is written here?', 'Read the text.'],
  emoji: ['What is this?', 'Name the emoji.', 'What does the picture show?', 'Which emoji is this?', 'What can you see?'],
  firstPicture: ['Here is one picture.', 'This is the first picture.', 'Look at this.', 'First picture:'],
  secondWord: ['What does the second picture say?', 'Read the second picture.', 'Which word is in the second picture?'],
  secondEmoji: ['What does the second picture show?', 'Name the emoji in the second picture.', 'What is in the second picture?'],
  largest: ['Which bar is the longest?', 'Which one is the largest?', 'Where is the value highest?'],
  smallest: ['Which bar is the shortest?', 'Which one is the smallest?', 'Where is the value lowest?'],
  value: ['What is the value of {label}?', 'Which number belongs to {label}?', 'How much is it for {label}?'],
  title: ['What is the title of the chart?', 'What does the chart show?'],
  count: ['How many discs?', 'Count the discs.', 'How many circles are there?'],
} as const
