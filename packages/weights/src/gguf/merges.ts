/**
 * Converts a SentencePiece vocabulary with scores into BPE merges: every way to join two pieces into a third, best score first. What
 * SentencePiece segmentation by scores and BPE with these merges give the same result. Source: transformers' generate_merges.
 * @param isPiece whether a token is an ordinary piece of text
 * @returns pairs of pieces
 */
export function mergesOf(
  tokens: readonly string[],
  scores: readonly number[],
  isPiece: (id: number) => boolean,
): [left: string, right: string][] {
  const ids = new Map<string, number>()
  tokens.forEach((token, id) => {
    if (isPiece(id)) ids.set(token, id)
  })
  const merges: { pair: [string, string]; score: number; left: number; right: number; whole: number }[] = []
  for (const [token, whole] of ids) {
    const characters = Array.from(token)
    for (let at = 1; at < characters.length; at++) {
      const pair: [string, string] = [characters.slice(0, at).join(''), characters.slice(at).join('')]
      const [left, right] = [ids.get(pair[0]), ids.get(pair[1])]
      if (left !== undefined && right !== undefined) merges.push({ pair, score: scores[whole]!, left, right, whole })
    }
  }
  merges.sort((a, b) => b.score - a.score || a.whole - b.whole || a.left - b.left || a.right - b.right)
  return merges.map(({ pair }) => pair)
}
