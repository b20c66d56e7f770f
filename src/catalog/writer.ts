import { type Change, altersRights, type LoggedChange } from '../core/change.js'
import { type PrincipalRef } from '../core/owner.js'
import { appendAudit } from '../db/audit.js'
import { appendChanges } from '../db/change-log.js'
import { type Db, sqlState, type Tx } from '../db/client.js'
import { isConnectionLost } from '../db/guard.js'
import { type Head, lockHead, moveHead } from '../db/head.js'
import { chain } from './chain.js'

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

/** The writing half of a use case, and what it was decided by. */
export interface Job<Result> {
  actor: PrincipalRef
  /** The sequence of the index when it was decided. */
  decidedAt: number
  /** Whether what it was decided by still holds. Throws when the caller has no rights left. */
  isCurrent: () => boolean
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

/** One of several in a transaction failed after it wrote, or broke the transaction: each has to go alone. */
class Entangled extends Error {}

export interface WriterOptions {
  db: Db
  auditKey: Buffer
  now: () => Date
  /** Where this process's index stands. */
  position: () => { incarnation: string; sequence: number }
  /** Reads the change log to its end, on a connection of its own. */
  refresh: () => Promise<void>
  /** Called with what was committed, in order, before anybody is answered. */
  committed: (changes: LoggedChange[]) => void
}

export interface Writer {
  /** In a transaction of its own. */
  write: <Result>(job: Job<Result>) => Promise<Done<Result>>
  /**
   * Together with whatever else waits, in one transaction: one lock, one flush and one wake-up for many. Only for jobs that alter nobody's
   * rights, so that none is decided by what another one in the same transaction changes.
   */
  writeShared: <Result>(job: Job<Result>) => Promise<Done<Result>>
}

/** More jobs than this wait for the next transaction. */
const maxTogether = 64

interface Waiting {
  job: Job<unknown>
  resolve: (done: Done<unknown>) => void
  reject: (error: unknown) => void
}

/**
 * Everything that is written goes through here: rows, audit events, change rows and the wake-up in one transaction. If any of them cannot be
 * written, nothing happened (S15). The counter row is locked last, so that commit order is sequence order.
 */
export function createWriter(options: WriterOptions): Writer {
  let waiting: Waiting[] = []
  let isDraining = false

  async function transact(jobs: Array<Job<unknown>>): Promise<Array<Done<unknown> | { error: unknown }>> {
    const { done, logged } = await options.db.transaction((tx) => writeAll(options, tx, jobs))
    if (logged.length > 0) options.committed(logged)
    return done
  }

  async function alone(job: Job<unknown>): Promise<Done<unknown>> {
    const [done] = await transact([job])
    return done as Done<unknown>
  }

  async function settle(together: Waiting[]): Promise<void> {
    const each = async ({ job, resolve, reject }: Waiting) => alone(job).then(resolve, reject)
    if (together.length === 1) return each(together[0]!)
    try {
      const done = await transact(together.map(({ job }) => job))
      together.forEach(({ resolve, reject }, at) => {
        const one = done[at]!
        if ('error' in one) reject(one.error)
        else resolve(one)
      })
    } catch (error) {
      // Whether it was committed is not known then, so nothing may be repeated.
      if (isConnectionLost(error)) return together.forEach(({ reject }) => reject(error))
      for (const one of together) await each(one)
    }
  }

  async function drain(): Promise<void> {
    isDraining = true
    while (waiting.length > 0) {
      const together = waiting.slice(0, maxTogether)
      waiting = waiting.slice(maxTogether)
      await settle(together)
    }
    isDraining = false
  }

  return {
    write: (job) => alone(job) as Promise<Done<never>>,
    writeShared: <Result>(job: Job<Result>) => new Promise<Done<Result>>((resolve, reject) => {
      waiting.push({ job, resolve: resolve as Waiting['resolve'], reject })
      if (!isDraining) void drain()
    }),
  }
}

async function writeAll(
  options: WriterOptions, tx: Tx, jobs: Array<Job<unknown>>,
): Promise<{ done: Array<Done<unknown> | { error: unknown }>; logged: LoggedChange[] }> {
  const outcomes: Array<Written<unknown> | { error: unknown }> = []
  // One after the other: a row that one changes is read by the next as it is then.
  for (const { write } of jobs) outcomes.push(jobs.length === 1 ? await write(tx) : await writeOne(tx, write))
  const changes = outcomes.flatMap((one, at) => ('error' in one ? [] : one.changes.map((change) => ({ ...change, actor: jobs[at]!.actor }))))
  if (changes.length === 0) return { done: outcomes.map((one) => ('error' in one ? one : { result: one.result, sequence: null })), logged: [] }
  const head = await lockHead(tx)
  await requireCurrent(options, head, jobs)
  const first = head.sequence + 1
  const logged = changes.map(({ change }, offset): LoggedChange => ({ ...change, sequence: first + offset }))
  const at = options.now().toISOString()
  const records = chain(options.auditKey, head.auditHash, changes.map(({ actor, change, action, before, after }, offset) => ({
    sequence: first + offset, at, actor, action, outcome: 'OK', target: change.id, before: before ?? null, after: after ?? null,
  })))
  const sequence = head.sequence + changes.length
  const rightsSequence = changes.some(({ change }) => altersRights(change)) ? sequence : head.rightsSequence
  // In one flight: the lock is held for one round trip and the commit.
  await Promise.all([appendChanges(tx, logged), appendAudit(tx, 'changes', records), moveHead(tx, { sequence, rightsSequence, auditHash: records.at(-1)!.hash })])
  let last = head.sequence
  const done = outcomes.map((one) => {
    if ('error' in one) return one
    last += one.changes.length
    return { result: one.result, sequence: one.changes.length === 0 ? null : last }
  })
  return { done, logged }
}

/** One of several. A refusal before its first write concerns nobody else; anything later would leave half of it to the others' commit. */
async function writeOne(tx: Tx, write: Job<unknown>['write']): Promise<Written<unknown> | { error: unknown }> {
  let hasWritten = false
  const watched = new Proxy(tx, {
    get: (target, name) => {
      hasWritten ||= name === 'insert' || name === 'update' || name === 'delete' || name === 'execute' || name === 'transaction'
      const value = Reflect.get(target, name) as unknown
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  try {
    return await write(watched)
  } catch (error) {
    if (hasWritten || sqlState(error) !== null) throw new Entangled()
    if (isConnectionLost(error)) throw error
    return { error }
  }
}

/** Under the lock: what lies between decision and lock is read, and must have altered nothing that the decision rested on (S19). */
async function requireCurrent({ position, refresh }: WriterOptions, head: Head, jobs: Array<Job<unknown>>): Promise<void> {
  const { incarnation, sequence } = position()
  if (head.incarnation !== incarnation || head.sequence < sequence) throw new StaleDecision(true)
  const overtaken = jobs.filter(({ decidedAt }) => head.rightsSequence > decidedAt)
  if (overtaken.length === 0) return
  // On a connection of the tail's own, so waiting for it under the lock cannot starve.
  await refresh()
  if (position().sequence < head.rightsSequence || !overtaken.every(({ isCurrent }) => isCurrent())) throw new StaleDecision()
}
