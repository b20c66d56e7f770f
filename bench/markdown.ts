import { type Aim, type Row, type Table, tablesOf, type Unit } from './rows.js'
import { type Run } from './samples.js'

const round = (value: number, digits: number) => value.toLocaleString('en-GB', { minimumFractionDigits: digits, maximumFractionDigits: digits })
const units: Record<Unit, string> = { 'ms': ' ms', '/s': '/s', 'us': ' µs', 'B': ' B', 'MB': ' MB' }

function text(value: number | null, unit: Unit): string {
  if (value === null) return '–'
  const isSmall = Math.abs(value) < 10 && (unit === 'ms' || unit === 'us')
  return round(value, isSmall ? 1 : 0) + units[unit]
}

/** Two digits that mean something, whatever the size. */
function ratioText(ratio: number): string {
  return round(ratio, ratio < 0.1 ? 3 : ratio < 10 ? 2 : 1)
}

/** A number, and in brackets how often it holds the one of the first column. */
function besides(value: number | null, first: number | null, unit: Unit): string {
  return value === null || !first ? text(value, unit) : `${text(value, unit)} (${ratioText(value / first)})`
}

const ratioOf = (ours: number | null, { other }: Aim) => ours === null || !other ? null : ours / other

export function isMet(ours: number | null, aim: Aim): boolean | null {
  const ratio = ratioOf(ours, aim)
  return ratio === null ? null : aim.bound === 'AT_MOST' ? ratio <= aim.limit : ratio >= aim.limit
}

function line({ what, unit, a, b, ours, aims }: Row, isJudged: boolean): string {
  const measured = aims.flatMap((aim) => {
    const ratio = ratioOf(ours, aim)
    return ratio === null ? [] : [{ aim, ratio, word: isMet(ours, aim) === true ? 'met' : '**missed**' }]
  })
  const ratios = measured.map(({ aim, ratio }) => `${ratioText(ratio)} × ${aim.against}`).join(', ')
  const goals = aims.map(({ bound, limit, against }) => `${bound === 'AT_MOST' ? '≤' : '≥'} ${limit} × ${against}`).join(', ')
  const words = isJudged ? measured.map(({ word }) => word).join(', ') : ''
  return `| ${[what, text(a, unit), besides(b, a, unit), besides(ours, a, unit), ratios, goals, words].join(' | ')} |`
}

function tableText({ title, a, b, rows }: Table, isJudged: boolean): string {
  return [`### ${title}`, '', `| what | ${a} | ${b} | ours | ratio | aim | |`, '| --- | --- | --- | --- | --- | --- | --- |', ...rows.map((row) => line(row, isJudged))].join('\n')
}

/** The tables of docs/performance.md. A quick run is too small to be judged. */
export function toMarkdown(run: Run): string {
  const judged = run.isQuick ? 'A quick run: it shows that everything works and says nothing about speed.' : `Medians of ${run.rounds} round${run.rounds === 1 ? '' : 's'}, in brackets against the first column.`
  const head = `${run.date.slice(0, 10)}, ${run.machine}, ${run.postgres}. ${judged}`
  return [head, ...tablesOf(run).map((table) => tableText(table, !run.isQuick))].join('\n\n')
}
