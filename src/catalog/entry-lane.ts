import { type Entry } from '../core/entry.js'
import { CatalogError, notFound } from '../core/errors.js'
import { type OwnerRef } from '../core/owner.js'
import { type LoggedChange } from '../core/change.js'
import { duplicateIn, inOneFlight, type Tx } from '../db/client.js'
import { lockEntries, putEntries, tombstoneEntries } from '../db/entry.js'
import { isConnectionLost } from '../db/guard.js'
import { holdTeams } from '../db/user.js'
import { type AuditedChange, type Decision, type Done, seal, type WriterOptions } from './writer.js'

/** What an entry becomes. */
export interface PlannedEntry<Result> {
  /** null: nothing changes. */
  change: AuditedChange | null
  /** The entry as it is then; null for a tombstone, or when nothing changes. */
  after: Entry | null
  result: Result
}

export interface EntryJob<Result> extends Decision {
  /** The entry that it changes, locked before `plan` sees it; null for a new one. */
  id: string | null
  /** To whom a new entry is given, kept from being deleted meanwhile; null for one that is there. */
  owner: OwnerRef | null
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
 * Changes of entries that wait go together, in one transaction: five round trips, one lock, one flush and one wake-up for all of them. They
 * alter nobody's rights, so none is decided by what another one of them changes.
 */
export function createEntryLane(options: WriterOptions): WriteEntry {
  let waiting: Waiting[] = []
  let isDraining = false

  async function transact(together: Waiting[]): Promise<void> {
    const { outcomes, logged } = await options.db.transaction((tx) => writeEntries(options, tx, together.map(({ job }) => job)))
    if (logged.length > 0) options.committed(logged)
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
      const together = waiting.slice(0, maxTogether)
      waiting = waiting.slice(maxTogether)
      await settle(together)
    }
    isDraining = false
  }

  return <Result>(job: EntryJob<Result>) => new Promise<Done<Result>>((resolve, reject) => {
    waiting.push({ job, resolve: resolve as Waiting['resolve'], reject })
    if (!isDraining) void drain()
  })
}

async function writeEntries(options: WriterOptions, tx: Tx, jobs: Array<EntryJob<unknown>>): Promise<{ outcomes: Outcome[]; logged: LoggedChange[] }> {
  const ids = [...new Set(jobs.flatMap(({ id }) => id ?? []))]
  const teams = [...new Set(jobs.flatMap(({ owner }) => (owner?.kind === 'TEAM' ? owner.id : [])))]
  const [held, locked] = await inOneFlight<[string[], Entry[]]>([
    teams.length === 0 ? Promise.resolve([]) : holdTeams(tx, teams), ids.length === 0 ? Promise.resolve([]) : lockEntries(tx, ids),
  ])
  const current = new Map(locked.map((entry) => [entry.id, entry]))
  // One after the other: what one changes is seen by the next as it is then.
  const outcomes = jobs.map((job) => plan(current, held, job))
  const valid = jobs.filter((_, at) => !('error' in outcomes[at]!))
  const revisions = outcomes.flatMap((outcome) => ('error' in outcome ? [] : outcome.after ?? []))
  const changes = outcomes.flatMap((outcome, at) => (
    'error' in outcome || outcome.change === null ? [] : [{ ...outcome.change, actor: jobs[at]!.actor }]))
  const gone = changes.filter(({ change }) => change.after === null).map(({ change }) => change.id)
  const logged = await seal(options, tx, valid, changes, () => [
    ...(revisions.length > 0 ? [putEntries(tx, revisions).catch(nameTaken)] : []),
    ...(gone.length > 0 ? [tombstoneEntries(tx, gone, options.now())] : []),
  ])
  return { outcomes, logged }
}

function plan(current: Map<string, Entry>, teams: readonly string[], job: EntryJob<unknown>): Outcome {
  try {
    // The owner was there when this was decided; what is given to a team that was deleted meanwhile would outlive it.
    if (job.owner?.kind === 'TEAM' && !teams.includes(job.owner.id)) throw notFound('owner', 'owner')
    const planned = job.plan(job.id === null ? null : current.get(job.id) ?? null)
    if (planned.after !== null) current.set(planned.after.id, planned.after)
    else if (planned.change !== null) current.delete(planned.change.change.id)
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
