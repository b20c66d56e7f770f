import { asStored, type Entry } from '../core/entry.js'
import { CatalogError, notFound } from '../core/errors.js'
import { type OwnerRef, type PrincipalRef } from '../core/owner.js'
import { type LoggedChange } from '../core/change.js'
import { duplicateIn, inOneFlight, type Tx } from '../db/client.js'
import { lockEntries } from '../db/entry.js'
import { commitEntries, putEntries } from '../db/entry-commit.js'
import { isConnectionLost } from '../db/guard.js'
import { passed } from '../db/step.js'
import { holdTeams } from '../db/user.js'
import { type Growth, growthOf, hasRoom, type Quota } from './quota.js'
import { type AuditedChange, type Decision, type Done, follow, type KnownHead, seal, tell, type WriterOptions } from './writer.js'

/** What an entry becomes. */
export interface PlannedEntry<Result> {
  /** null: nothing changes. */
  change: AuditedChange | null
  /** The entry as it is then; null: nothing changes. What becomes a tombstone has a transaction of its own (withdraw.ts). */
  after: Entry | null
  result: Result
}

export interface EntryJob<Result> extends Decision {
  /** The entry that it changes, locked before `plan` sees it; null for a new one. */
  id: string | null
  /** To whom a new entry is given, kept from being deleted meanwhile; null for one that is there. */
  owner: OwnerRef | null
  /** What a new entry counts for; null for one that is there. */
  quota: Quota | null
  /** Pure. Throws what is wrong with it, and then concerns nobody else. */
  plan: (entry: Entry | null) => PlannedEntry<Result>
}

export type WriteEntry = <Result>(job: EntryJob<Result>) => Promise<Done<Result>>

/** More wait for the next transaction. */
const maxTogether = 64

interface Waiting {
  job: EntryJob<unknown>
  resolve: (done: Done<unknown>) => void
  reject: (error: unknown) => void
}

type Outcome = PlannedEntry<unknown> | { error: unknown }

/**
 * Changes of entries that wait go together, in one transaction, with one lock, one flush and one wake-up for all of them. They
 * alter nobody's rights, so none is decided by what another one of them changes.
 *
 * While no other process writes, this one knows everything: it plans on its index and sends one statement, which takes effect only if the head
 * is where the index stands. Else the entries are locked and read (five round trips).
 */
export function createEntryLane(options: WriterOptions): WriteEntry {
  let waiting: Waiting[] = []
  let isDraining = false
  let known: KnownHead | null = null

  async function transact(together: Waiting[]): Promise<void> {
    const jobs = together.map(({ job }) => job)
    const head = known
    known = null
    const { outcomes, logged, moved } = (head === null ? null : await writeKnown(options, head, jobs))
      ?? await options.db.transaction((tx) => writeEntries(options, tx, jobs))
    known = moved ?? head
    tell(options, logged)
    const sequences = logged.map(({ sequence }) => sequence)
    together.forEach(({ resolve, reject }, at) => {
      const outcome = outcomes[at]!
      if ('error' in outcome) reject(outcome.error)
      else resolve({ result: outcome.result, sequence: outcome.change === null ? null : sequences.shift()! })
    })
  }

  async function settle(together: Waiting[]): Promise<void> {
    try {
      await transact(together)
    } catch (error) {
      // When the connection was lost nobody knows whether it was committed, so nothing may be repeated.
      if (together.length === 1 || isConnectionLost(error)) return together.forEach(({ reject }) => reject(error))
      // One of them could not be written, so nothing was: each goes alone.
      for (const one of together) await settle([one])
    }
  }

  async function drain(): Promise<void> {
    isDraining = true
    while (waiting.length > 0) {
      // Whoever is here in this turn of the loop goes along: else the first to come back of many would go alone each time.
      await nextTurn()
      const together = waiting.slice(0, maxTogether)
      waiting = waiting.slice(maxTogether)
      await settle(together)
    }
    isDraining = false
  }

  return <Result>(job: EntryJob<Result>) => new Promise<Done<Result>>((resolve, reject) => {
    passed('change.decided')
    waiting.push({ job, resolve: resolve as Waiting['resolve'], reject })
    if (!isDraining) void drain()
  })
}

const nextTurn = () => new Promise<void>((resolve) => void setImmediate(resolve))

interface Planning {
  outcomes: Outcome[]
  /** Those that can be written. */
  valid: Array<EntryJob<unknown>>
  revisions: Entry[]
  changes: Array<AuditedChange & { actor: PrincipalRef }>
  growth: Growth[]
}

interface Sealed {
  outcomes: Outcome[]
  logged: LoggedChange[]
  moved: KnownHead | null
}

/**
 * The whole commit as one statement on what the index knows.
 * @returns null when that may not be all: nothing was written, and the long way has to be taken
 */
async function writeKnown(options: WriterOptions, head: KnownHead, jobs: Array<EntryJob<unknown>>): Promise<Sealed | null> {
  const state = options.state()
  if (state.sequence !== head.sequence || state.incarnation !== head.incarnation || !jobs.every((job) => isCurrentAt(state.sequence, job))) return null
  const { outcomes, revisions, changes, growth } = planAll(jobs, (id) => {
    const entry = state.entries.get(id)
    return entry === undefined ? null : asStored(entry)
  }, (team) => state.teams.has(team))
  // Refusals and what changes nothing hold only if the statement shows that nothing else was committed.
  if (changes.length === 0) return null
  // Who has too much is told after counting.
  if (!growth.every((one) => hasRoom(state, one))) return null
  const { logged, records, moved } = follow(options, head, changes)
  const isWritten = await commitEntries(options.once, { known: head, revisions, changes: logged, records }).catch(nameTaken)
  return isWritten ? { outcomes, logged, moved } : null
}

function isCurrentAt(sequence: number, { decidedAt, isCurrent }: Decision): boolean {
  try {
    return decidedAt === sequence || isCurrent()
  } catch {
    return false
  }
}

async function writeEntries(options: WriterOptions, tx: Tx, jobs: Array<EntryJob<unknown>>): Promise<Sealed> {
  passed('change.begun')
  const ids = [...new Set(jobs.flatMap(({ id }) => id ?? []))]
  const teams = [...new Set(jobs.flatMap(({ owner }) => (owner?.kind === 'TEAM' ? owner.id : [])))]
  const [held, locked] = await inOneFlight<[string[], Entry[]]>([
    teams.length === 0 ? Promise.resolve([]) : holdTeams(tx, teams), ids.length === 0 ? Promise.resolve([]) : lockEntries(tx, ids),
  ])
  const stored = new Map(locked.map((entry) => [entry.id, entry]))
  const { outcomes, valid, revisions, changes, growth } = planAll(jobs, (id) => stored.get(id) ?? null, (team) => held.includes(team))
  const sealed = await seal(options, tx, valid, changes, growth, () => (revisions.length > 0 ? [putEntries(tx, revisions).catch(nameTaken)] : []))
  return { outcomes, ...sealed }
}

/** One after the other: what one changes is seen by the next as it is then. */
function planAll(jobs: Array<EntryJob<unknown>>, entryOf: (id: string) => Entry | null, hasTeam: (id: string) => boolean): Planning {
  const changed = new Map<string, Entry>()
  const outcomes = jobs.map((job) => plan(job, (id) => changed.get(id) ?? entryOf(id), hasTeam, changed))
  const changes = outcomes.flatMap((outcome, at) => (
    'error' in outcome || outcome.change === null ? [] : [{ ...outcome.change, actor: jobs[at]!.actor }]))
  const valid = jobs.filter((_, at) => !('error' in outcomes[at]!))
  return {
    outcomes, changes, valid, growth: growthOf(valid.map(({ quota }) => quota)),
    revisions: outcomes.flatMap((outcome) => ('error' in outcome ? [] : outcome.after ?? [])),
  }
}

function plan(job: EntryJob<unknown>, entryOf: (id: string) => Entry | null, hasTeam: (id: string) => boolean, changed: Map<string, Entry>): Outcome {
  try {
    // The owner was there when this was decided; what is given to a team that was deleted meanwhile would outlive it.
    if (job.owner?.kind === 'TEAM' && !hasTeam(job.owner.id)) throw notFound('owner', 'owner')
    const planned = job.plan(job.id === null ? null : entryOf(job.id))
    if (planned.after !== null) changed.set(planned.after.id, planned.after)
    return planned
  } catch (error) {
    return { error }
  }
}

/** Two entries of one owner and kind cannot have one name. */
export function nameTaken(error: unknown): never {
  const name = duplicateIn(error)
  if (name === null) throw error
  throw new CatalogError('NAME_TAKEN', `That owner has an entry named ${name} already.`, {
    field: 'name', mend: 'Choose another name, or update the entry that has it.',
  })
}
