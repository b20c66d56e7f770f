import { formatCursor } from '../core/change.js'
import { CatalogError, type ErrorCode } from '../core/errors.js'
import { type PrincipalRef } from '../core/owner.js'
import { sqlState, type Tx } from '../db/client.js'
import { passed } from '../db/step.js'
import { type CatalogContext, type CatalogServices } from './context.js'
import { type EntryJob } from './entry-lane.js'
import { proveLostRights } from './lost-rights.js'
import { proveLostTokens } from './lost-tokens.js'
import { observed } from './observer.js'
import { type Decision, type Done, StaleDecision, type Written } from './writer.js'

export interface Committed<Result> {
  result: Result
  /** Where the change stands; a reader at this cursor has seen it. */
  cursor: string
}

const attempts = 5
/** How long an answer waits for this process's own index; the commit itself is done by then. */
const indexPatienceMs = 5_000

/** What can come of not knowing yet what another node committed. */
const mayBeOutdated: readonly ErrorCode[] = ['NOT_FOUND', 'FORBIDDEN', 'INVALID_INPUT', 'POLICY_DENIED']

/**
 * The one door for writes. `decide` judges access and policy against the index and returns the writing half, which
 * `writer.ts` runs in one transaction together with the audit events, the change rows and the wake-up.
 *
 * When changes of rights or policy got in between the decision and the transaction's end, it is rolled back and decided
 * again (S19). A refusal counts only on the newest state: what another node committed a moment ago is read first. The
 * answer waits until this process's index has the change, so that whoever got it reads their own write.
 */
export function commit<Result>(
  services: Decider, actor: PrincipalRef, decide: () => Promise<(tx: Tx) => Promise<Written<Result>>>,
): Promise<Committed<Result>> {
  return decideAndWrite(services, actor, async (decision) => {
    const write = await decide()
    return services.writer.write({
      ...decision,
      write: async (tx) => {
        const written = await write(tx)
        const changes = written.changes.map(({ change }) => change)
        await proveLostRights(services, tx, actor, changes)
        await proveLostTokens(services, tx, actor, changes)
        return written
      },
    })
  })
}

/** The same for one entry: it is written together with what else waits (entry-lane.ts). */
export function commitEntry<Result>(
  services: Decider, actor: PrincipalRef, decide: () => Promise<Pick<EntryJob<Result>, 'id' | 'owner' | 'quota' | 'plan'>>,
): Promise<Committed<Result>> {
  return decideAndWrite(services, actor, async (decision) => services.writer.writeEntry({ ...decision, ...await decide() }))
}

async function decideAndWrite<Result>(services: Decider, actor: PrincipalRef, write: (decision: Decision) => Promise<Done<Result>>): Promise<Committed<Result>> {
  const { index, refresh, observer } = services
  let isNewest = false
  for (let attempt = 1; ; attempt++) {
    const decidedAt = index.state.sequence
    const decidedBy = groundsOf(services)
    const { blocks, teamPolicies } = index.state
    const isCurrent = () => groundsOf(services) === decidedBy && index.state.blocks === blocks && index.state.teamPolicies === teamPolicies
    try {
      const { result, sequence } = await observed(observer, isWorthAnotherTry, () => write({ actor, decidedAt, isCurrent }))
      if (sequence === null) {
        // Nothing was locked, so nothing was checked.
        await refresh()
        if (!isCurrent()) throw new StaleDecision()
        return { result, cursor: index.cursor() }
      }
      // A tail that lost Postgres must not turn a commit into an error.
      await index.reached(sequence, indexPatienceMs).catch(() => {})
      passed('change.settled')
      return { result, cursor: formatCursor({ incarnation: index.state.incarnation, sequence }) }
    } catch (error) {
      if (error instanceof StaleDecision && error.isAnotherPast) await refresh({ isAnotherPast: true })
      else if (error instanceof CatalogError && mayBeOutdated.includes(error.code) && !isNewest) {
        isNewest = true
        await refresh()
        if (index.state.sequence === decidedAt) throw error
      } else if (!isWorthAnotherTry(error)) throw error
      if (attempt >= attempts) throw new CatalogError('UNAVAILABLE', 'Too much is changing at once.', { field: 'request', mend: 'Try again in a moment.' })
    }
  }
}

/** A caller's context, or the services alone for what the system itself does. */
type Decider = CatalogServices & Partial<Pick<CatalogContext, 'principal'>>

/** What every decision rests on, besides what is revoked and teams' policies: the caller's rights and the policy. Throws once the caller has none left. */
function groundsOf({ index, principal }: Decider): string {
  const { role, teams, serves } = principal ?? { role: null, teams: new Map<string, string>(), serves: null }
  return [index.state.policy.revision, role, ...[...teams].sort(), '/', ...(serves === null ? ['*'] : [...serves].sort())].join(' ')
}

/** Deadlocks and serialisation failures are Postgres' way to say "again". */
function isWorthAnotherTry(error: unknown): boolean {
  const state = sqlState(error)
  return error instanceof StaleDecision || state === '40001' || state === '40P01'
}
