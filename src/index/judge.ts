import { type PolicyRecord } from '../core/change.js'
import { type Definition, type Entry, entryStatus, type JudgedEntry } from '../core/entry.js'
import { evaluate, type Verdict } from '../core/policy.js'
import { type Policy, readPolicy } from '../core/policy-document.js'
import { readTeamPolicy } from '../core/team-policy.js'
import { type CatalogState } from './state.js'

/** The deployment's, and after it the team's whose entry it is. */
export type Policies = readonly [Policy, ...Policy[]]

/** What judges a team's entries: its document is read over the deployment's, whose own word counts too, so it can only narrow. */
function narrowed(deployment: Policy, revision: number, document: unknown): Policies {
  return [deployment, readTeamPolicy(deployment, revision, document)]
}

const read = new WeakMap<object, Policy>()

/** Of one record the same policy each time: what a change was decided by, what it is proved by and what it comes to are judged once. */
function policyOf({ revision, document }: PolicyRecord): Policy {
  if (typeof document !== 'object' || document === null) return readPolicy(revision, document)
  const known = read.get(document)
  if (known?.revision === revision) return known
  const policy = readPolicy(revision, document)
  read.set(document, policy)
  return policy
}

/** A deployment's policy, or a team's, becomes part of what judges. */
export function putPolicy(state: CatalogState, record: PolicyRecord): void {
  state.policies.set(record.owner.id, record)
  const isOfAll = record.owner.kind === 'DEPLOYMENT'
  if (isOfAll) state.policy = policyOf(record)
  const altered = isOfAll ? [...state.policies.values()].filter(({ owner }) => owner.kind === 'TEAM') : [record]
  state.teamPolicies = new Map([
    ...state.teamPolicies, ...altered.map(({ owner, revision, document }) => [owner.id, narrowed(state.policy, revision, document)] as const),
  ])
}

/** What would judge entries if a policy were this one. Nothing of the state is changed. */
export function withPolicy(state: CatalogState, record: PolicyRecord): CatalogState {
  const next = { ...state, policies: new Map(state.policies) }
  putPolicy(next, record)
  return next
}

const alone = new WeakMap<Policy, Policies>()

/** The same for the same policies, so that what was judged by them can be known again. */
export function policiesOf({ policy, teamPolicies }: Pick<CatalogState, 'policy' | 'teamPolicies'>, { kind, id }: Entry['owner']): Policies {
  const ofTeam = kind === 'TEAM' ? teamPolicies.get(id) : undefined
  if (ofTeam !== undefined) return ofTeam
  if (!alone.has(policy)) alone.set(policy, [policy])
  return alone.get(policy)!
}

const verdicts = new WeakMap<Definition, { policies: Policies; name: string; verdict: Verdict }>()

/** What policies say of an entry. A definition never changes, so it is judged once for all who ask. */
export function verdictOf(policies: Policies, entry: Pick<Entry, 'kind' | 'name' | 'definition'>): Verdict {
  const known = verdicts.get(entry.definition)
  if (known?.policies === policies && known.name === entry.name) return known.verdict
  const verdict = evaluate(entry, policies)
  verdicts.set(entry.definition, { policies, name: entry.name, verdict })
  return verdict
}

/** Today's policies judge an entry once, when it, they or the owner change; readers only look. */
export function judge(state: Pick<CatalogState, 'policy' | 'teamPolicies' | 'users'>, entry: Entry): JudgedEntry {
  const verdict = verdictOf(policiesOf(state, entry.owner), entry)
  return { ...entry, verdict, status: entryStatus(entry.enabled, verdict, entry.revoked, entry.approval), dormant: isDormant(state, entry) }
}

/** What a deactivated person owns rests until they are back. */
export function isDormant({ users }: Pick<CatalogState, 'users'>, { owner }: Pick<Entry, 'owner'>): boolean {
  return owner.kind === 'USER' && (users.get(owner.id)?.deactivatedAt ?? null) !== null
}
