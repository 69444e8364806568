/** Where the model looked: the answer piece by piece, a heat map over the picture, and each layer's share of the picture. */
import { useState } from 'preact/hooks'
import type { Looked } from '@casa-js/web'

export function LookedView({ looked, picture }: { looked: Looked; picture: { url: string; name: string } }) {
  const [chosen, choose] = useState(0)
  const { grid, pieces } = looked
  const piece = pieces[chosen]
  if (!piece) return null
  const heat = meanOver(piece.layers.map(({ image }) => image))
  const most = Math.max(...heat)
  return (
    <details class="looked">
      <summary>Where it looked</summary>
      <p class="pieces">
        {pieces.map(({ text }, i) => (
          <button key={i} class="piece" aria-pressed={i === chosen} onClick={() => choose(i)}>
            {text.trim() === '' ? '␣' : text}
          </button>
        ))}
      </p>
      <div class="heat">
        <img src={picture.url} alt={picture.name} />
        <svg
          viewBox={`0 0 ${grid.columns} ${grid.rows}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`Attention over the picture for "${piece.text}"`}
        >
          {[...heat].map((weight, i) => (
            <rect
              key={i}
              x={i % grid.columns}
              y={Math.floor(i / grid.columns)}
              width="1.02"
              height="1.02"
              opacity={most > 0 ? (0.75 * weight) / most : 0}
            />
          ))}
        </svg>
      </div>
      <p class="hint">
        The picture's share of each layer's attention; the rest lies on text. One softmax over both: this is CASA's gate.
      </p>
      <table class="shares">
        <tbody>
          {piece.layers.map(({ layer, imageShare }) => (
            <tr key={layer}>
              <th scope="row">layer {layer + 1}</th>
              <td>
                <meter min={0} max={1} value={imageShare} aria-label={`Picture's share in layer ${layer + 1}`} />
              </td>
              <td>{Math.round(imageShare * 100)} %</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  )
}

function meanOver(rows: Float32Array[]): Float32Array {
  const mean = new Float32Array(rows[0]?.length ?? 0)
  for (const row of rows) row.forEach((weight, i) => (mean[i]! += weight / rows.length))
  return mean
}
