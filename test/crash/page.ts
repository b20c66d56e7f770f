import { writeFileSync } from 'node:fs'
import { legend, type Row, table } from './report.js'

export function write(path: string, run: { rows: readonly Row[]; count: number; seconds: number; lanes: number }): void {
  writeFileSync(path, `${legend()}\n${table(run.rows)}\n`)
}
