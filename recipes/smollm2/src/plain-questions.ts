/** Fifty plain questions, each with a rule that says whether an answer is right. None is about a picture. */

export interface PlainQuestion {
  question: string
  /** Found somewhere in a right answer, whatever the case. */
  right: RegExp
  /** Found in a wrong one, even where `right` is found too. */
  wrong?: RegExp
}

const ask = (question: string, right: RegExp, wrong?: RegExp): PlainQuestion => ({ question, right, ...(wrong && { wrong }) })

export const plainQuestions: readonly PlainQuestion[] = [
  ask('What is the capital of France?', /\bparis\b/i),
  ask('What is the capital of Italy?', /\brome\b/i),
  ask('What is the capital of Spain?', /\bmadrid\b/i),
  ask('What is the capital of Germany?', /\bberlin\b/i),
  ask('What is the capital of Japan?', /\btokyo\b/i),
  ask('What is the capital of Egypt?', /\bcairo\b/i),
  ask('What is the capital of Russia?', /\bmoscow\b/i),
  ask('What is the capital of the United Kingdom?', /\blondon\b/i),
  ask('On which continent is Kenya?', /\bafrica\b/i),
  ask('On which continent is Brazil?', /\bsouth america\b/i),
  ask('What is 2 + 2?', /\b(4|four)\b/i, /\b(5|22)\b/),
  ask('What is 3 + 5?', /\b(8|eight)\b/i),
  ask('What is 10 - 3?', /\b(7|seven)\b/i),
  ask('What is 5 times 2?', /\b(10|ten)\b/i),
  ask('How many days are in a week?', /\b(7|seven)\b/i),
  ask('How many months are in a year?', /\b(12|twelve)\b/i),
  ask('How many hours are in a day?', /\b(24|twenty[- ]four)\b/i),
  ask('How many minutes are in an hour?', /\b(60|sixty)\b/i),
  ask('How many legs does a spider have?', /\b(8|eight)\b/i),
  ask('How many wheels does a bicycle have?', /\b(2|two)\b/i),
  ask('What color is the sky on a clear day?', /\bblue\b/i),
  ask('What color is grass?', /\bgreen\b/i),
  ask('What color is snow?', /\bwhite\b/i),
  ask('What color do you get when you mix blue and yellow?', /\bgreen\b/i),
  ask('What is frozen water called?', /\bice\b/i),
  ask('What planet do we live on?', /\bearth\b/i),
  ask('Which planet is closest to the Sun?', /\bmercury\b/i),
  ask('What is the largest planet in the solar system?', /\bjupiter\b/i),
  ask('What star is at the center of the solar system?', /\bsun\b/i),
  ask('What is the largest ocean on Earth?', /\bpacific\b/i),
  ask('What is the tallest mountain in the world?', /\beverest\b/i),
  ask('What gas do people need to breathe?', /\boxygen\b/i),
  ask('What is the chemical formula of water?', /h2o|h₂o/i),
  ask('What is the chemical symbol of gold?', /\bau\b/i),
  ask('Who wrote Romeo and Juliet?', /\bshakespeare\b/i),
  ask('Who painted the Mona Lisa?', /\b(leonardo|da vinci)\b/i),
  ask('Who developed the theory of relativity?', /\beinstein\b/i),
  ask('Who was the first president of the United States?', /\bwashington\b/i),
  ask('What language is spoken in Brazil?', /\bportuguese\b/i),
  ask('What language is spoken in Mexico?', /\bspanish\b/i),
  ask('What is the opposite of hot?', /\bcold\b/i),
  ask('What is the opposite of up?', /\bdown\b/i),
  ask('What is the opposite of big?', /\b(small|little|tiny)\b/i),
  ask('What is the plural of "mouse"?', /\bmice\b/i),
  ask('What is the past tense of "go"?', /\bwent\b/i),
  ask('Which animal says "meow"?', /\bcats?\b|\bkitten/i),
  ask('What do bees make?', /\bhoney\b/i),
  ask('What do you call a baby dog?', /\bpuppy\b|\bpup\b/i),
  ask('Which day comes after Monday?', /\btuesday\b/i),
  ask('What is the first letter of the alphabet?', /\bA\b|"a"/),
]

export const isRight = ({ right, wrong }: PlainQuestion, answer: string): boolean =>
  right.test(answer) && !(wrong?.test(answer) ?? false)
