import { type ChangeAction } from '../core/audit-words.js'
import { type Change, altersRights, type LoggedChange } from '../core/change.js'
import { type PrincipalRef } from '../core/owner.js'
import { appendAudit, type AuditRecord } from '../db/audit.js'
import { appendChanges } from '../db/change-log.js'
import { type Db, inOneFlight, type Tx } from '../db/client.js'
import { type Head, lockHead, moveHead } from '../db/head.js'
import { passed } from '../db/step.js'
import { type CatalogState } from '../index/state.js'
import { chain } from './chain.js'
import { type Growth, requireRoom } from './quota.js'

/** A change and how the audit tells it. `before` and `after` must hold no secret; use `auditView`. */
export interface AuditedChange {
  change: Change
  action: ChangeAction
  before: unknown
  after: unknown
}

export interface Written<Result> {
  /** Empty: nothing changed, so nothing is logged and no sequence is drawn. */
  changes: AuditedChange[]
  result: Result
  /** What an owner has more of then. */
  growth?: Growth[]
}

/** Who decided, and by what. */
export interface Decision {
  actor: PrincipalRef
  /** The sequence of the index then. */
  decidedAt: number
  /** Whether what it was decided by still holds. Throws when the caller has no rights left. */
  isCurrent: () => boolean
}

export interface Job<Result> extends Decision {
  write: (tx: Tx) => Promise<Written<Result>>
}

export interface Done<Result> {
  result: Result
  /** Of its last change; null when nothing changed. */
  sequence: number | null
}

/** A transaction found that what it was decided by had changed: decide again. */
export class StaleDecision extends Error {
  constructor(
    /** The database does not continue what this process knows: it was restored, or is another one. */
    readonly isAnotherPast = false,
  ) {
    super('what this was decided by has changed')
  }
}

/** The head as this process last moved it. */
export type KnownHead = Pick<Head, 'incarnation' | 'sequence' | 'auditHash'>

export interface WriterOptions {
  db: Db
  /** For statements that must never run twice. */
  once: Db
  auditKey: Buffer
  now: () => Date
  /** What this process knows, and where that stands. */
  state: () => CatalogState
  /** Reads the change log to its end, on a connection of its own. */
  refresh: () => Promise<void>
  /** Called with what was committed, in order, before anybody is answered. */
  committed: (changes: LoggedChange[]) => void
}

/** Writes a job in a transaction of its own: its rows, audit events, change rows and the wake-up, or nothing (S15). */
export async function writeAlone<Result>(options: WriterOptions, job: Job<Result>): Promise<Done<Result>> {
  passed('change.decided')
  const { result, logged } = await options.db.transaction(async (tx) => {
    passed('change.begun')
    const { changes, result: written, growth } = await job.write(tx)
    return { result: written, ...await seal(options, tx, [job], changes.map((change) => ({ ...change, actor: job.actor })), growth) }
  })
  tell(options, logged)
  return { result, sequence: logged.at(-1)?.sequence ?? null }
}

/** The end of every commit: this process knows it before anybody is answered. */
export function tell({ committed }: WriterOptions, logged: LoggedChange[]): void {
  if (logged.length === 0) return
  passed('change.committed')
  committed(logged)
  passed('change.told')
}

/**
 * The end of every transaction that writes: takes the counter row's lock, so that commit order is sequence order, and adds audit events, change
 * rows and the wake-up.
 * @param growth of what is written
 * @param rows what else is to be written, in the same flight as the lock
 * @throws StaleDecision when what one of them was decided by has changed (S19)
 * @throws CatalogError QUOTA_EXCEEDED
 */
export async function seal(
  options: WriterOptions, tx: Tx, decisions: readonly Decision[], changes: ReadonlyArray<AuditedChange & { actor: PrincipalRef }>,
  growth: readonly Growth[] = [], rows: () => Array<Promise<unknown>> = () => [],
): Promise<{ logged: LoggedChange[]; moved: KnownHead | null }> {
  if (changes.length === 0) return { logged: [], moved: null }
  const [head] = (await inOneFlight([...rows(), lockHead(tx)])).slice(-1) as [Head]
  await requireCurrent(options, head, decisions)
  await requireRoom(tx, options.state(), head, growth)
  const { logged, records, moved } = follow(options, head, changes)
  const { sequence, auditHash } = moved
  const rightsSequence = changes.some(({ change }) => altersRights(change)) ? sequence : head.rightsSequence
  // In one flight: the lock is held for one round trip and the commit.
  await inOneFlight([appendChanges(tx, logged), appendAudit(tx, 'changes', records), moveHead(tx, { sequence, rightsSequence, auditHash })])
  passed('change.sealed')
  return { logged, moved }
}

/** Changes and their audit events, numbered and chained from a head on. */
export function follow(
  { auditKey, now }: WriterOptions, head: KnownHead, changes: ReadonlyArray<AuditedChange & { actor: PrincipalRef }>,
): { logged: LoggedChange[]; records: AuditRecord[]; moved: KnownHead } {
  const first = head.sequence + 1
  const at = now().toISOString()
  const logged = changes.map(({ change }, offset): LoggedChange => ({ ...change, sequence: first + offset }))
  const records = chain(auditKey, head.auditHash, changes.map(({ actor, change, action, before, after }, offset) => ({
    sequence: first + offset, at, actor, action, outcome: 'OK', target: change.id, before: before ?? null, after: after ?? null,
  })))
  return { logged, records, moved: { incarnation: head.incarnation, sequence: head.sequence + changes.length, auditHash: records.at(-1)!.hash } }
}

/** Under the lock: what lies between decision and lock is read, and must have altered nothing that the decision rested on. */
async function requireCurrent({ state, refresh }: WriterOptions, head: Head, decisions: readonly Decision[]): Promise<void> {
  const { incarnation, sequence } = state()
  if (head.incarnation !== incarnation || head.sequence < sequence) throw new StaleDecision(true)
  const overtaken = decisions.filter(({ decidedAt }) => head.rightsSequence > decidedAt)
  if (overtaken.length === 0) return
  // On a connection of the tail's own, so waiting for it under the lock cannot starve.
  await refresh()
  if (state().sequence < head.rightsSequence || !overtaken.every(({ isCurrent }) => isCurrent())) throw new StaleDecision()
}
