import { type PolicyRecord } from '../core/change.js'
import { type JudgedEntry } from '../core/entry.js'
import { carriedPolicy, type TeamPolicy } from '../core/team-policy.js'
import { type CatalogState } from './state.js'

/** A record is never altered, and is asked for once for each owner who has something of the team. */
const carried = new WeakMap<PolicyRecord, TeamPolicy>()

function carriedOf(record: PolicyRecord): TeamPolicy {
  const known = carried.get(record)
  if (known !== undefined) return known
  const made = { teamId: record.owner.id, revision: record.revision, document: carriedPolicy(record.document) }
  carried.set(record, made)
  return made
}

/** What workers are told of the policies that narrow the deployment's for these entries, each once. */
export function teamPoliciesOver({ policies }: Pick<CatalogState, 'policies'>, entries: Iterable<Pick<JudgedEntry, 'owner'>>): TeamPolicy[] {
  const teamIds = new Set([...entries].flatMap(({ owner }) => (owner.kind === 'TEAM' ? owner.id : [])))
  return [...teamIds].flatMap((id) => {
    const record = policies.get(id)
    return record === undefined ? [] : carriedOf(record)
  })
}
