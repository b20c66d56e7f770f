import { serverSteps } from '../../src/db/step.js'
import { workerSteps } from '../../src/worker/step.js'
import { type Cell, type Outcome, type Victim, victims } from './cell.js'

/** A row for each step of each flow, in the order in which they pass; a column for each of those who may be killed there. */
export interface Row extends Pick<Cell, 'flow' | 'side' | 'step'> {
  cells: Partial<Record<Victim, Outcome>>
}

export function textOf(outcome: Outcome | undefined): string {
  if (outcome === undefined) return ''
  if (outcome.problems.length > 0) return 'FAILED'
  return outcome.seen === null ? outcome.why! : `${outcome.seen}, ${(outcome.ms / 1_000).toFixed(1)} s`
}

/** As Markdown, which reads in a terminal too. */
export function table(rows: readonly Row[], columns: readonly Victim[] = victims): string {
  const lines = [['flow', 'step', ...columns], ...rows.map((row, at) => [
    rows[at - 1]?.flow === row.flow ? '' : row.flow, `${row.side} ${row.step}`, ...columns.map((victim) => textOf(row.cells[victim])),
  ])]
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  const shown = lines.map((line) => `| ${line.map((text, column) => text.padEnd(widths[column]!)).join(' | ')} |`)
  return [shown[0], `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...shown.slice(1)].join('\n')
}

/** What the steps mean, as a table. */
export function legend(): string {
  const rows = (side: Row['side'], steps: Record<string, string>) => Object.entries(steps).map(([step, meaning]) => `| ${side} \`${step}\` | ${meaning} |`)
  return ['| step | once it has passed |', '| --- | --- |', ...rows('server', serverSteps), ...rows('worker', workerSteps)].join('\n')
}
