/** Shared by casa-js packages only: the parts of HTML reports. May change in any release. */
export { escapeHtml } from './report/escape.ts'
export {
  chartFile,
  lineChart,
  shortNumber,
  smoothed,
  type ChartOptions,
  type ChartPoint,
  type Series,
} from './report/line-chart.ts'
export { answerCard, factList, htmlPage, pngDataUri, type AnswerCard } from './report/page.ts'
