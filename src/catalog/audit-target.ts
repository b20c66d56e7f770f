import { type AuditTarget, auditSentence, type AuditTargetKind, kindOfId, memberOf, targetAsTold } from '../core/audit-target.js'
import { type AuditOutcome, type ChainName } from '../core/audit-words.js'
import { deploymentOwner, type OwnerRef, type PrincipalRef } from '../core/owner.js'
import { type AuditRecord } from '../db/audit.js'
import { findTargets, searchTargets, type StoredTarget } from '../db/audit-target.js'
import { ownerName, principalName } from '../index/names.js'
import { type CatalogState } from '../index/state.js'
import { authorize } from './authorize.js'
import { type CatalogContext } from './context.js'

/** Somebody, with what they are called, or were last. */
export type Named<Ref> = Ref & { lastName: string }

/** What an event is about, as people call it. */
export interface NamedTarget extends AuditTarget {
  owner: Named<OwnerRef> | null
  /** It is there now. */
  isThere: boolean
}

/** An event as people read it. Everything beside the record is derived, and no part of its hash. */
export interface AuditNode extends AuditRecord {
  id: string
  chain: ChainName
  actor: Named<PrincipalRef>
  about: NamedTarget
  summary: string
}

const idPrefix: Record<ChainName, string> = { changes: 'aud', access: 'acc' }

/** The chain and sequence of an event's id; null for what is none. */
export function placeOfId(id: string): { chain: ChainName; sequence: number } | null {
  const [, prefix, digits] = /^(aud|acc)_([1-9]\d{0,8})$/.exec(id) ?? []
  return digits === undefined ? null : { chain: prefix === 'acc' ? 'access' : 'changes', sequence: Number(digits) }
}

/**
 * Names are those of the event itself; where it says none, those of now, and of what is gone the last ones. One question to the database at most,
 * and none when everything is there.
 */
export async function namedEvents({ db, index: { state } }: CatalogContext, chain: ChainName, records: readonly AuditRecord[]): Promise<AuditNode[]> {
  const told = records.map(targetAsTold)
  const wanted = [...told.flatMap((target) => unknownIds(state, target)), ...records.flatMap(({ actor }) => (isKnownActor(state, actor) ? [] : [actor.id]))]
  const stored = new Map((await findTargets(db, wanted)).map((target) => [target.id, target]))
  return records.map((record, at) => {
    const about = named(state, stored, told[at]!)
    const actor = { ...record.actor, lastName: isKnownActor(state, record.actor) ? principalName(state, record.actor) : stored.get(record.actor.id)?.name ?? record.actor.id }
    const summary = auditSentence(chain, { action: record.action, outcome: record.outcome as AuditOutcome }, about, {
      actor: { kind: actor.kind, displayName: actor.lastName }, ownerName: (owner) => nameOfOwner(state, stored, owner),
    })
    return { ...record, id: `${idPrefix[chain]}_${record.sequence}`, chain, actor, about, summary }
  })
}

export interface TargetSearch {
  /** A part of a name; null with `ids`. */
  search?: string | null
  ids?: readonly string[] | null
  kinds?: readonly AuditTargetKind[] | null
}

/**
 * What events may be about, by name or by id, what is gone included: it says nothing that the events do not.
 * @throws CatalogError FORBIDDEN for everybody but admins
 */
export async function auditTargets(context: CatalogContext, { search, ids, kinds }: TargetSearch, limit: number): Promise<NamedTarget[]> {
  await authorize(context, 'READ_AUDIT', deploymentOwner, 'auditTargets')
  const text = search?.trim() ?? ''
  // Postgres cannot hold a NUL, so nothing has one.
  if (text.includes('\0')) return []
  const { db, index: { state } } = context
  const found = ids ? await findTargets(db, ids.filter((id) => !id.includes('\0')).slice(0, limit)) : await searchTargets(db, text, kinds ?? null, limit)
  const owners = await findTargets(db, found.flatMap(({ owner }) => unknownOwner(state, owner)))
  const stored = new Map([...owners, ...found].map((target) => [target.id, target]))
  return found.map((target) => named(state, stored, target))
}

/** Ids that only the database may know. */
function unknownIds(state: CatalogState, target: AuditTarget): string[] {
  const own = target.kind === 'MEMBERSHIP' ? [] : target.name === null && currentOf(state, target.id) === null && kindOfId(target.id) !== 'OTHER' ? [target.id] : []
  return [...own, ...unknownOwner(state, target.owner)]
}

/** People are all known here; teams that were deleted are not. */
const unknownOwner = (state: CatalogState, owner: OwnerRef | null): string[] => (owner?.kind === 'TEAM' && !state.teams.has(owner.id) ? [owner.id] : [])

const isKnownActor = (state: CatalogState, { kind, id }: PrincipalRef) => kind === 'SYSTEM' || (kind === 'WORKER' ? state.tokens.has(id) : state.users.has(id))

/** A thing that is there, as it now is. */
function currentOf({ entries, users, teams, secrets, tokens }: CatalogState, id: string): StoredTarget | null {
  const entry = entries.get(id) ?? secrets.byId.get(id)
  if (entry !== undefined) return { id, kind: kindOfId(id), name: entry.name, owner: entry.owner, isThere: !('deletedAt' in entry) || entry.deletedAt === null }
  const named = users.get(id) ?? teams.get(id)
  if (named !== undefined) return { id, kind: kindOfId(id), name: named.displayName, owner: null, isThere: true }
  const token = tokens.get(id)
  if (token === undefined) return null
  return { id, kind: 'TOKEN', name: token.name, owner: token.userId === null ? null : { kind: 'USER', id: token.userId }, isThere: token.revokedAt === null }
}

type Stored = ReadonlyMap<string, StoredTarget>

function named(state: CatalogState, stored: Stored, target: AuditTarget): NamedTarget {
  const { id, kind } = target
  const known = kind === 'MEMBERSHIP' ? currentOf(state, memberOf(id) ?? '') : currentOf(state, id) ?? stored.get(id) ?? null
  // Nothing was told of the owner of what says nothing of itself.
  const owner = target.owner ?? (target.name === null ? known?.owner ?? null : null)
  return {
    ...target, name: target.name ?? known?.name ?? null, owner: owner && { ...owner, lastName: nameOfOwner(state, stored, owner) },
    isThere: kind === 'POLICY' || kind === 'OWNER' || kind === 'MEMBERSHIP' ? isOwnerThere(state, owner) : known?.isThere ?? false,
  }
}

function nameOfOwner(state: CatalogState, stored: Stored, owner: OwnerRef): string {
  return owner.kind === 'TEAM' && !state.teams.has(owner.id) ? stored.get(owner.id)?.name ?? owner.id : ownerName(state, owner)
}

function isOwnerThere({ teams, users }: CatalogState, owner: OwnerRef | null): boolean {
  if (owner?.kind === 'TEAM') return teams.has(owner.id)
  return owner !== null && (owner.kind === 'DEPLOYMENT' || users.has(owner.id))
}
