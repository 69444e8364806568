/**
 * Contractions that EvalAI's VQA normaliser restores. Most lost all their apostrophes ("dont"); of those with two, either may be
 * lost. The list keeps the original's gaps and its slip ("somebody'd" loses its apostrophe).
 */
const ONE = (
  "ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd he's how'd how'll how's isn't it'd it'll " +
  "ma'am mightn't might've mustn't must've needn't not've o'clock oughtn't shan't should've shouldn't somebody'll somebody's " +
  "someone'd someone'll someone's something'd something'll that's there'd there're there's they'd they'll they're they've " +
  "'twas wasn't we've weren't what'll what're what's what've when's where'd where's where've who'd who'll who's who've why'll " +
  "why're why's won't would've wouldn't y'all you'd you'll you're you've"
).split(' ')

const TWO = (
  "couldn't've hadn't've he'd've it'd've mightn't've she'd've shouldn't've somebody'd've someone'd've something'd've " +
  "there'd've they'd've we'd've who'd've wouldn't've y'all'll you'd've"
).split(' ')

function dropApostrophe(word: string, which: number): string {
  let seen = 0
  return word.replaceAll("'", (apostrophe) => (seen++ === which ? '' : apostrophe))
}

/** The word as it was typed -> with its apostrophes. All in lower case, as the normaliser's words are. */
export const contractions: ReadonlyMap<string, string> = new Map([
  ...ONE.map((word) => [dropApostrophe(word, 0), word] as const),
  ...TWO.flatMap((word) => [0, 1].map((which) => [dropApostrophe(word, which), word] as const)),
  ["somebody'd", 'somebodyd'],
  ["ow's'at", "'ow's'at"],
  ["'ows'at", "'ow's'at"],
  ["'ow'sat", "'ow's'at"],
  ["yall'd've", "y'all'd've"],
  ["y'alld've", "y'all'd've"],
  ["y'all'dve", "y'all'd've"],
])
