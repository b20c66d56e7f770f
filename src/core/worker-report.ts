import { z } from 'zod'
import { parseCursor } from './change.js'
import { type EntryKind } from './entry.js'
import { CatalogError, invalid } from './errors.js'
import { line, parseInput } from './parse.js'
import { redactTokens } from './redact.js'
import { type AppliedState, appliedStates } from './worker-status.js'

/** What one worker may have stored, and one report may hold. */
export const reportLimits = {
  /** Also in a report, and of closed ones. */
  sessions: 2_000,
  entries: 500,
  /** Of all sessions together, as JSON in UTF-8. */
  bytes: 4 * 1_024 * 1_024,
  /** Of one token. */
  workers: 1_000,
}

const count = (least: number) => z.number().int('must be a whole number').min(least, `must be at least ${least}`).max(2_147_483_647, 'is too large')

/**
 * What files and upstreams say is made harmless, and not refused: one of them could else keep a worker from reporting anything.
 * @returns one line without invisible characters and without what looks like a token, cut to `most` characters
 */
function harmless(text: string, most: number): string {
  return redactTokens(text.slice(0, 4 * most).toWellFormed().replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')).trim().slice(0, most).toWellFormed()
}

const label = (most: number) => (
  z.string().transform((text) => harmless(text, most)).refine((text) => text !== '', 'needs at least 1 character'))

const entrySchema = z.object({
  entryId: line(60, 1).nullish().transform((id) => id ?? null),
  name: label(200),
  kind: z.enum(['MCP_SERVER', 'AGENT'] satisfies EntryKind[]),
  origin: label(500),
  revision: count(1).nullish().transform((revision) => revision ?? null),
  state: z.enum(appliedStates),
  reason: z.string().nullish().transform((reason) => harmless(reason ?? '', 500) || null),
  refusedCalls: count(0).nullish().transform((calls) => calls ?? null),
  toolsHeld: z.array(z.string()).nullish().transform((names) => names?.slice(0, 100).map((name) => harmless(name, 200)).filter((name) => name !== '')),
})

const cursor = z.string().refine((text) => parseCursor(text) !== null, 'is not a cursor of this API')

const reportSchema = z.object({
  workerId: line(200, 1),
  processId: line(200, 1),
  number: count(0),
  full: z.boolean(),
  sessions: z.array(z.object({
    id: line(200, 1),
    agent: line(200, 1).nullish().transform((agent) => agent ?? null),
    cursor: cursor.nullish().transform((text) => text ?? null),
    entries: z.array(entrySchema),
  })),
  closedSessions: z.array(line(200, 1)).nullish().transform((ids) => ids ?? []),
})

export type ParsedReport = z.output<typeof reportSchema>

export interface AppliedEntryInput {
  entryId?: string | null
  name: string
  kind: EntryKind
  origin: string
  revision?: number | null
  state: AppliedState
  reason?: string | null
  refusedCalls?: number | null
  toolsHeld?: string[] | null
}

export interface ReportInput<Owner> {
  workerId: string
  processId: string
  number: number
  full: boolean
  sessions: Array<{ id: string; owner: Owner; agent?: string | null; cursor?: string | null; entries: AppliedEntryInput[] }>
  closedSessions?: string[] | null
}

/**
 * A report as it may be stored, owners aside.
 * @throws CatalogError INVALID_INPUT, LIMIT_EXCEEDED
 */
export function parseReport(input: ReportInput<unknown>): ParsedReport {
  requireAtMost(input.sessions.length, reportLimits.sessions, 'sessions', 'sessions')
  requireAtMost(input.closedSessions?.length ?? 0, reportLimits.sessions, 'closedSessions', 'sessions')
  input.sessions.forEach(({ entries }, at) => requireAtMost(entries.length, reportLimits.entries, `sessions.${at}.entries`, 'entries'))
  const report = parseInput(reportSchema, input, '')
  const named = new Set(report.closedSessions)
  report.sessions.forEach(({ id }, at) => {
    if (named.has(id)) throw invalid(`sessions.${at}.id`, 'A session is named twice.', 'Name each session once, in sessions or in closedSessions.')
    named.add(id)
  })
  return report
}

/** @throws CatalogError LIMIT_EXCEEDED */
export function requireAtMost(given: number, most: number, field: string, noun: string): void {
  if (given <= most) return
  throw new CatalogError('LIMIT_EXCEEDED', `There are ${given} ${noun}, and at most ${most} are kept.`, { field, mend: `Report at most ${most} ${noun}; more sessions need more workers.` })
}
