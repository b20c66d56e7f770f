import { canonicalJson } from '../core/canonical.js'
import { altersRights, type Change, formatCursor } from '../core/change.js'
import { CatalogError } from '../core/errors.js'
import { type PrincipalRef } from '../core/owner.js'
import { appendAudit } from '../db/audit.js'
import { appendChanges } from '../db/change-log.js'
import { type Db, sqlState, type Tx } from '../db/client.js'
import { lockAccessHead, lockHead, moveAccessHead, moveHead } from '../db/head.js'
import { chain } from './chain.js'
import { type AccessEvent, type CatalogContext, type CatalogServices } from './context.js'
import { observed } from './observer.js'

/** A change and how the audit tells it. `before` and `after` must hold no secret; use `auditView`. */
export interface AuditedChange {
  change: Change
  action: string
  before: unknown
  after: unknown
}

export interface Written<Result> {
  /** Empty: nothing changed, so nothing is logged and no sequence is drawn. */
  changes: AuditedChange[]
  result: Result
}

export interface Committed<Result> {
  result: Result
  /** Where the change stands; a reader at this cursor has seen it. */
  cursor: string
}

/** A transaction found that what it was decided by had changed. */
class StaleDecision extends Error {}

const attempts = 5
/** How long an answer waits for this process's own index; the commit itself is done by then. */
const indexPatienceMs = 5_000

/**
 * The one door for writes. `decide` judges access and policy against the index and returns the writing half, which
 * runs in one transaction with the audit events, the change rows and the wake-up: all of them, or nothing (S15).
 *
 * The counter row is locked last. When changes of rights or policy got in between decision and lock, they are read, and
 * if they altered the caller's rights or the policy, everything is rolled back and decided again (S19). The answer
 * waits until this process's index has the change, so that whoever got it reads their own write.
 */
export async function commit<Result>(
  services: Decider, actor: PrincipalRef, decide: () => Promise<(tx: Tx) => Promise<Written<Result>>>,
): Promise<Committed<Result>> {
  for (let attempt = 1; ; attempt++) {
    const decision = { decidedAt: services.index.state.sequence, decidedBy: groundsOf(services) }
    const write = await decide()
    try {
      const { result, sequence } = await observed(services.observer, isWorthAnotherTry, () => (
        services.db.transaction((tx) => writeAll(services, tx, actor, decision, write))))
      if (sequence === null) return { result, cursor: services.index.cursor() }
      services.committed()
      // A tail that lost Postgres must not turn a commit into an error.
      await services.index.reached(sequence, indexPatienceMs).catch(() => {})
      return { result, cursor: formatCursor({ incarnation: services.index.state.incarnation, sequence }) }
    } catch (error) {
      if (!isWorthAnotherTry(error)) throw error
      if (attempt >= attempts) throw new CatalogError('UNAVAILABLE', 'Too much is changing at once.', { field: 'request', mend: 'Try again in a moment.' })
    }
  }
}

/** A caller's context, or the services alone for what the system itself does. */
type Decider = CatalogServices & Partial<Pick<CatalogContext, 'principal'>>

interface Decision {
  decidedAt: number
  decidedBy: string
}

/** What every decision rests on: the caller's rights and the policy. Throws once the caller has none left. */
function groundsOf({ index, principal }: Decider): string {
  const { role, teams, serves } = principal ?? { role: null, teams: new Map<string, string>(), serves: null }
  return canonicalJson([index.state.policy.revision, role, [...teams].sort(), serves && [...serves].sort()])
}

async function writeAll<Result>(
  services: Decider, tx: Tx, actor: PrincipalRef, { decidedAt, decidedBy }: Decision, write: (tx: Tx) => Promise<Written<Result>>,
): Promise<{ result: Result; sequence: number | null }> {
  const { changes, result } = await write(tx)
  if (changes.length === 0) return { result, sequence: null }
  const head = await lockHead(tx)
  if (head.rightsSequence > decidedAt) {
    // On a connection of the tail's own, so waiting for it under the lock cannot starve.
    await services.refresh()
    if (services.index.state.sequence < head.rightsSequence || groundsOf(services) !== decidedBy) throw new StaleDecision()
  }
  const first = head.sequence + 1
  const sequence = head.sequence + changes.length
  const at = services.now().toISOString()
  const records = chain(services.auditKey, head.auditHash, changes.map(({ change, action, before, after }, offset) => ({
    sequence: first + offset, at, actor, action, outcome: 'OK', target: change.id, before: before ?? null, after: after ?? null,
  })))
  await appendChanges(tx, first, changes.map(({ change }) => change))
  await appendAudit(tx, 'changes', records)
  const rightsSequence = changes.some(({ change }) => altersRights(change)) ? sequence : head.rightsSequence
  await moveHead(tx, { sequence, rightsSequence, auditHash: records.at(-1)!.hash })
  return { result, sequence }
}

/** Deadlocks and serialisation failures are Postgres' way to say "again". */
function isWorthAnotherTry(error: unknown): boolean {
  const state = sqlState(error)
  return error instanceof StaleDecision || state === '40001' || state === '40P01'
}

/**
 * Writes a batch of the access chain.
 * @throws CatalogError UNAVAILABLE when it cannot be written: what cannot be recorded is not answered
 */
export async function commitAccessEvents(db: Db, key: Buffer, now: Date, events: AccessEvent[]): Promise<void> {
  try {
    await db.transaction(async (tx) => {
      const head = await lockAccessHead(tx)
      const records = chain(key, head.hash, events.map((event, offset) => (
        { ...event, sequence: head.sequence + 1 + offset, at: now.toISOString(), before: null, after: null })))
      await appendAudit(tx, 'access', records)
      await moveAccessHead(tx, { sequence: head.sequence + events.length, hash: records.at(-1)!.hash })
    })
  } catch (cause) {
    const error = new CatalogError('UNAVAILABLE', 'The access log cannot be written right now.', { field: 'request', mend: 'Try again in a moment.' })
    error.cause = cause
    throw error
  }
}
