/** What casa-js's own packages share and nobody else should build on: the parts of HTML reports. */
export { escapeHtml } from './report/escape.ts'
export { lineChart, shortNumber, smoothed, type ChartOptions, type ChartPoint, type Series } from './report/line-chart.ts'
export { answerCard, factList, htmlPage, pngDataUri, type AnswerCard } from './report/page.ts'
