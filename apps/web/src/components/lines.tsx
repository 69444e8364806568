/** A small line plot: one or two series over time, with the last value of each in words beside its name. */
export interface Series {
  name: string
  values: number[]
  shown: string
  kind: 'main' | 'compared'
}

export function Lines({ title, times, series }: { title: string; times: number[]; series: Series[] }) {
  const [width, height] = [320, 110]
  const all = series.flatMap(({ values }) => values)
  const top = Math.max(...all, 1)
  const bottom = Math.min(...all, 0)
  const last = times.at(-1) ?? 1
  const first = times[0] ?? 0
  const x = (time: number) => ((time - first) / Math.max(1, last - first)) * width
  const y = (value: number) => height - ((value - bottom) / (top - bottom)) * (height - 6) - 3
  return (
    <figure class="lines">
      <figcaption>
        {title}
        {series.map(({ name, shown, kind }) => (
          <span key={name} class={kind}>
            {name} <b>{shown}</b>
          </span>
        ))}
      </figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={`${title} over time`}>
        <line x1="0" x2={width} y1={y(0)} y2={y(0)} class="zero" />
        {series.map(({ name, values, kind }) => (
          <polyline
            key={name}
            class={kind}
            points={values.map((value, i) => `${x(times[i]!).toFixed(1)},${y(value).toFixed(1)}`).join(' ')}
          />
        ))}
      </svg>
    </figure>
  )
}
