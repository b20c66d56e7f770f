import { canonicalJson } from '../core/canonical.js'
import { altersRights, type Change, formatCursor } from '../core/change.js'
import { CatalogError } from '../core/errors.js'
import { type PrincipalRef } from '../core/owner.js'
import { appendAudit, type AuditRecord } from '../db/audit.js'
import { appendChanges } from '../db/change-log.js'
import { type Db, sqlState, type Tx } from '../db/client.js'
import { lockAccessHead, lockHead, moveAccessHead, moveHead } from '../db/head.js'
import { type AccessEvent, type CatalogServices, hmac } from './context.js'

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

/** A transaction found that rights or policy had changed since it was decided. */
class StaleDecision extends Error {
  constructor(readonly rightsSequence: number) {
    super('rights or policy changed between decision and commit')
  }
}

const attempts = 5
/** How long an answer waits for this process's own index; the commit itself is done by then. */
const indexPatienceMs = 5_000

/**
 * The one door for writes. `decide` judges access and policy against the index and returns the writing half, which
 * runs in one transaction together with the audit events, the change rows and the wake-up: if any of them cannot be
 * written, nothing happened (S15).
 *
 * The counter row is locked last. When a change of rights or policy got in between decision and lock, everything is
 * rolled back and decided again on the newer index (S19). The answer waits until this process's index has the change,
 * so that whoever got it reads their own write.
 */
export async function commit<Result>(
  services: CatalogServices, actor: PrincipalRef, decide: () => Promise<(tx: Tx) => Promise<Written<Result>>>,
): Promise<Committed<Result>> {
  for (let attempt = 1; ; attempt++) {
    const decidedAt = services.index.state.sequence
    const write = await decide()
    try {
      const { result, sequence } = await services.db.transaction((tx) => writeAll(services, tx, actor, decidedAt, write))
      if (sequence === null) return { result, cursor: services.index.cursor() }
      services.committed()
      // A tail that lost Postgres must not turn a commit into an error.
      await services.index.reached(sequence, indexPatienceMs).catch(() => {})
      return { result, cursor: formatCursor({ incarnation: services.index.state.incarnation, sequence }) }
    } catch (error) {
      if (!isWorthAnotherTry(error)) throw error
      if (attempt >= attempts) throw new CatalogError('UNAVAILABLE', 'Too much is changing at once.', { mend: 'Try again in a moment.' })
      if (error instanceof StaleDecision) await services.refresh()
    }
  }
}

async function writeAll<Result>(
  services: CatalogServices, tx: Tx, actor: PrincipalRef, decidedAt: number, write: (tx: Tx) => Promise<Written<Result>>,
): Promise<{ result: Result; sequence: number | null }> {
  const { changes, result } = await write(tx)
  if (changes.length === 0) return { result, sequence: null }
  const head = await lockHead(tx)
  if (head.rightsSequence > decidedAt) throw new StaleDecision(head.rightsSequence)
  const first = head.sequence + 1
  const sequence = head.sequence + changes.length
  const at = services.now().toISOString()
  const records = chain(services.auditKey, head.auditHash, changes.map(({ change, action, before, after }, offset) => ({
    sequence: first + offset, at, actor, action, outcome: 'OK', target: change.id, before: before ?? null, after: after ?? null,
  })))
  await appendChanges(tx, first, changes.map(({ change }) => change))
  await appendAudit(tx, 'changes', records)
  const rightsSequence = changes.some(({ change }) => altersRights[change.subject]) ? sequence : head.rightsSequence
  await moveHead(tx, { sequence, rightsSequence, auditHash: records.at(-1)!.hash })
  return { result, sequence }
}

/** Deadlocks and serialisation failures are Postgres' way to say "again". */
function isWorthAnotherTry(error: unknown): boolean {
  const state = sqlState(error)
  return error instanceof StaleDecision || state === '40001' || state === '40P01'
}

/** The hash of one record: keyed, over its content and the hash before it. */
export function chainHash(key: Buffer, previous: string, record: Omit<AuditRecord, 'hash'>): string {
  const { sequence, at, actor, action, outcome, target, before, after } = record
  return hmac(key, canonicalJson({ previous, sequence, at, actor, action, outcome, target, before, after }))
}

function chain(key: Buffer, previous: string, records: Array<Omit<AuditRecord, 'hash'>>): AuditRecord[] {
  let last = previous
  return records.map((record) => ({ ...record, hash: last = chainHash(key, last, record) }))
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
    const error = new CatalogError('UNAVAILABLE', 'The access log cannot be written right now.', { mend: 'Try again in a moment.' })
    error.cause = cause
    throw error
  }
}
