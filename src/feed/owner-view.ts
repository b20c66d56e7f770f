import { actingOwner, type Difference, differenceOf, hastenings, type Scope } from '../core/effective.js'
import { type EntryKind, type JudgedEntry, nameKey } from '../core/entry.js'
import { type OwnerRef } from '../core/owner.js'
import { bothKinds } from '../catalog/snapshot.js'
import { type CatalogIndex } from '../index/catalog-index.js'
import { type TeamPolicy } from '../core/team-policy.js'
import { type EntryToolPins } from '../core/tool-pin.js'
import { type Touched } from '../index/state.js'
import { teamPoliciesOver } from '../index/team-policies.js'
import { pinsOf } from '../index/tool-pins.js'
import { concernedBy, type EntrySecretVersion, secretVersionOf } from '../index/secrets.js'
import { type SetDifference } from '../index/set-difference.js'
import { type CatalogSnapshot, trustForSeconds } from './event.js'

/** One owner's set, as last sent. */
export interface OwnerView {
  owner: OwnerRef
  scope: Scope
  view: Map<string, JudgedEntry>
  /** `secretVersionOf` those entries that have references, by id. */
  versions: Map<string, number>
}

export function openView(index: CatalogIndex, owner: OwnerRef): OwnerView {
  const scope = index.scopeOf(owner)
  const view = index.effective(scope)
  const versions = new Map([...view.values()].flatMap((entry) => {
    const version = secretVersionOf(index.state.secrets, entry, actingOwner(scope))
    return version === null ? [] : [[entry.id, version] as const]
  }))
  return { owner, scope, view, versions }
}

export function snapshotOf(index: CatalogIndex, { view, versions }: OwnerView): CatalogSnapshot {
  return {
    __typename: 'CatalogSnapshot', cursor: index.cursor(), trustForSeconds: trustForSeconds(index.state), policy: index.state.policy,
    secretVersions: [...versions].map(([entryId, version]) => ({ entryId, version })), toolPins: [...view.values()].flatMap((entry) => pinsOf(index.state, entry) ?? []),
    teamPolicies: teamPoliciesOver(index.state, view.values()), ...bothKinds(view.values()),
  }
}

/** Moves a view to the index and says what differs: all names when the owner's rights changed, else the touched ones. */
export function advance(index: CatalogIndex, held: OwnerView, touched: Touched): SetDifference {
  // By the scope's user, not the owner's id: a person who was subscribed to before the catalog knew them keeps the first id.
  // A person who is new alters nobody's rights, and still has a set of their own from then on.
  const scope = touched.users.size > 0 ? index.scopeOf(held.owner) : held.scope
  const isConcerned = scope.kind === 'USER' && scope.userId !== null && touched.users.has(scope.userId)
  if (isConcerned) held.scope = scope
  const names = isConcerned
    ? new Set([...held.view.keys(), ...index.effective(held.scope).keys(), ...touched.names])
    : touched.names
  const difference: Difference<JudgedEntry> = { upserted: [], removed: [] }
  for (const key of names) {
    const [kind, name] = splitKey(key)
    const before = held.view.get(key) ?? null
    const after = index.chosen(held.scope, kind, name)
    if (before === after) continue
    const one = differenceOf(
      held.scope, before, after, (id) => index.state.entries.get(id) ?? null,
      (id) => touched.deleted.get(id) ?? null, (id) => touched.withdrawals.get(id) ?? null,
    )
    difference.upserted.push(...one.upserted)
    // An approval is no revision, and whoever enforces the policy has to know of it: both may have changed in one batch.
    if (after !== null && one.upserted.length === 0 && before?.approval?.id !== after.approval?.id) difference.upserted.push(after)
    difference.removed.push(...one.removed)
    if (after === null) held.view.delete(key)
    else held.view.set(key, after)
  }
  difference.removed.push(...hastenings(held.scope, touched.hastened, difference.removed))
  // A policy judges every entry anew, also those whose status stays.
  if (touched.policy) held.view = index.effective(held.scope)
  return {
    ...difference, secretVersions: advanceVersions(index, held, touched, difference, isConcerned), toolPins: pinsOfTouched(index, held, touched, difference),
    teamPolicies: policiesOfTouched(index, held, touched, difference),
  }
}

/** A team's policy touches every name of the team, so whoever has none of those is told nothing of it (F2). */
function policiesOfTouched({ state }: CatalogIndex, { view }: OwnerView, { teamPolicies, names }: Touched, { upserted }: Difference<JudgedEntry>): TeamPolicy[] {
  const governed = teamPolicies.size === 0 ? [] : [...names].flatMap((key) => {
    const entry = view.get(key)
    return entry?.owner.kind === 'TEAM' && teamPolicies.has(entry.owner.id) ? entry : []
  })
  return teamPoliciesOver(state, [...upserted, ...governed])
}

function pinsOfTouched({ state }: CatalogIndex, { view }: OwnerView, touched: Touched, { upserted }: Difference<JudgedEntry>): EntryToolPins[] {
  return [...new Set([...upserted.map(({ id }) => id), ...touched.tools])].flatMap((id) => {
    const entry = state.entries.get(id)
    return entry === undefined || view.get(nameKey(entry))?.id !== id ? [] : pinsOf(state, entry) ?? []
  })
}

function advanceVersions({ state }: CatalogIndex, held: OwnerView, touched: Touched, { upserted, removed }: Difference<JudgedEntry>, isAnew: boolean): EntrySecretVersion[] {
  const { scope, view, versions } = held
  for (const { id } of removed) versions.delete(id)
  const came = new Set(upserted.map(({ id }) => id))
  const ids = new Set([...came, ...concernedBy(state.secrets, scope.kind === 'USER' ? scope.userId : null, touched.secrets)])
  // Who the catalog now knows may have secrets; what an entry's people confirmed is no revision of it.
  for (const entry of isAnew ? view.values() : [...touched.names].map((key) => view.get(key))) if (entry !== undefined) ids.add(entry.id)
  return [...ids].flatMap((id) => {
    const entry = state.entries.get(id)
    if (entry === undefined || view.get(nameKey(entry))?.id !== id) return []
    const version = secretVersionOf(state.secrets, entry, actingOwner(scope))
    if (version === null || (versions.get(id) === version && !came.has(id))) return []
    versions.set(id, version)
    return [{ entryId: id, version }]
  })
}

function splitKey(key: string): [EntryKind, string] {
  const at = key.indexOf(':')
  return [key.slice(0, at) as EntryKind, key.slice(at + 1)]
}
