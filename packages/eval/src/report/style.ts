/** CSS of every report page: light and dark, readable in print. */
export const reportStyle = `
:root { color-scheme: light dark; --ink: #1c2024; --muted: #687076; --paper: #fff; --line: #e3e6e8; --card: #f8f9fa; --bar: #228be6; --blind: #e8590c; --frequent: #9c36b5; --right: #2b8a3e; --wrong: #c92a2a; }
@media (prefers-color-scheme: dark) { :root { --ink: #eceef0; --muted: #9ba1a6; --paper: #151718; --line: #313538; --card: #1e2123; --right: #51cf66; --wrong: #ff6b6b; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1160px; margin: 0 auto; padding: 24px; }
h1 { font-size: 24px; margin: 0 0 12px; } h2 { font-size: 18px; margin: 32px 0 8px; } h3 { font-size: 15px; margin: 20px 0 0; }
.muted { color: var(--muted); margin: 0; }
.facts { display: flex; flex-wrap: wrap; gap: 12px 36px; } .facts dt { color: var(--muted); font-size: 13px; } .facts dd { margin: 0; font-variant-numeric: tabular-nums; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 20px; }
svg { width: 100%; height: auto; background: var(--card); border-radius: 8px; } svg.bars { max-width: 900px; margin: 8px 0 16px; }
svg .title { font-size: 14px; font-weight: 600; fill: var(--ink); } svg .tick { font-size: 11px; fill: var(--muted); } svg .name { font-size: 12px; fill: var(--ink); white-space: pre; } svg .grid { stroke: var(--line); }
svg path { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; } svg circle { fill: currentColor; } svg .faint path { stroke-width: 1; opacity: 0.35; }
svg .bar { fill: var(--bar); } svg .part { opacity: 0.55; } svg .interval { stroke: var(--ink); stroke-width: 1.5; } svg .blind { stroke: var(--blind); stroke-width: 3; } svg .frequent { stroke: var(--frequent); stroke-width: 3; }
.series-0 { color: #228be6; } .series-1 { color: #e8590c; } .series-2 { color: #2f9e44; } .series-3 { color: #9c36b5; } .series-4 { color: #f08c00; } .series-5 { color: #0c8599; } .series-6 { color: #e03131; } .series-7 { color: #868e96; }
table { border-collapse: collapse; } td, th { text-align: left; padding: 3px 18px 3px 0; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; } .group { padding-left: 16px; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 12px; margin-top: 8px; }
article { background: var(--card); border-left: 4px solid var(--wrong); border-radius: 6px; padding: 10px 12px; overflow-wrap: anywhere; break-inside: avoid; } article.right { border-color: var(--right); } article p { margin: 2px 0 0; }
.question { white-space: pre-line; }
.pictures { display: flex; flex-wrap: wrap; gap: 6px; } .pictures img { max-width: 100%; max-height: 160px; border-radius: 3px; background: #fff; }
.answer { font-size: 18px; font-weight: 600; } .right .answer { color: var(--right); } .wrong .answer { color: var(--wrong); }
@media (min-width: 560px) { .stream { grid-column: span 2; } } .stream td { vertical-align: top; min-width: 6em; }
pre { background: var(--card); padding: 12px; border-radius: 8px; overflow: auto; font-size: 12px; }
`

/** CSS inside an SVG file of a chart, which no page's CSS reaches. */
export const chartFileStyle = `
text { font-family: system-ui, sans-serif; } .title { font-size: 14px; font-weight: 600; fill: #1c2024; } .tick { font-size: 11px; fill: #687076; } .grid { stroke: #e3e6e8; }
path { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; } circle { fill: currentColor; } .faint path { stroke-width: 1; opacity: 0.35; }
.series-0 { color: #228be6; } .series-1 { color: #e8590c; } .series-2 { color: #2f9e44; } .series-3 { color: #9c36b5; } .series-4 { color: #f08c00; } .series-5 { color: #0c8599; } .series-6 { color: #e03131; } .series-7 { color: #868e96; }
@media (prefers-color-scheme: dark) { .title { fill: #eceef0; } .tick { fill: #9ba1a6; } .grid { stroke: #313538; } }
`
