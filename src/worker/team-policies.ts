import { type Policy } from '../core/policy-document.js'
import { readTeamPolicy } from '../core/team-policy.js'
import { type CatalogDelta, type CatalogSnapshot, type CatalogView, type ViewEntry } from './view.js'

type ToldPolicy = CatalogSnapshot['teamPolicies'][number]

/** By the team's id: what was told, and how it is read over the deployment's policy of now. Another map whenever one of them is another. */
export type TeamPolicies = ReadonlyMap<string, { told: ToldPolicy; read: Policy }>

/**
 * Those of teams whose entries have left stay until the next snapshot: they say nothing of what is not there.
 * @param held null: a snapshot came, so nothing of before counts
 * @param policy the deployment's, as it is after the event
 */
export function teamPoliciesAfter(held: Pick<CatalogView, 'teamPolicies' | 'policy'> | null, { teamPolicies }: CatalogSnapshot | CatalogDelta, policy: Policy): TeamPolicies {
  if (held !== null && held.policy === policy && teamPolicies.length === 0) return held.teamPolicies
  const told = new Map([...[...held?.teamPolicies.values() ?? []].map(({ told: before }) => before), ...teamPolicies].map((one) => [one.teamId, one]))
  return new Map([...told].map(([id, one]) => [id, { told: one, read: readTeamPolicy(policy, one.revision, one.document) }]))
}

/** What an entry is held to here: the deployment's policy, and after it the one of the team that owns it. Each has to agree. */
export function policiesOf({ policy, teamPolicies }: Pick<CatalogView, 'policy' | 'teamPolicies'>, { owner }: Pick<ViewEntry, 'owner'>): readonly [Policy, ...Policy[]] {
  const ofTeam = owner.kind === 'TEAM' ? teamPolicies.get(owner.id)?.read : undefined
  return ofTeam === undefined ? [policy] : [policy, ofTeam]
}
