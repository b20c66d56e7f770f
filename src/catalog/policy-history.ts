import { type OwnerRef, type PrincipalRef } from '../core/owner.js'
import { listAuditEvents } from '../db/audit.js'
import { type OwnerQuery } from '../index/catalog-index.js'
import { type CatalogContext } from './context.js'
import { policyOwner } from './policy.js'

/** A document as it was once set. */
export interface PolicyRevision {
  owner: OwnerRef
  /** Of the event that tells of it; the order of lists. */
  sequence: number
  revision: number
  document: unknown
  /** The document before; null: there was none. */
  before: unknown
  setBy: PrincipalRef
  /** ISO time. */
  at: string
}

/**
 * Every document that an owner's policy had, newest first, for whoever may set it: to read what it narrowed, and to go back.
 * @throws CatalogError NOT_FOUND, FORBIDDEN, INVALID_INPUT
 */
export async function policyHistory(context: CatalogContext, query: OwnerQuery, before: number | null, limit: number): Promise<PolicyRevision[]> {
  const owner = await policyOwner(context, 'WRITE_POLICY', query)
  const events = await listAuditEvents(context.db, 'changes', { target: owner.id, actions: ['policy.set'] }, before, limit)
  return events.map(({ sequence, actor, at, before: old, after }) => ({
    owner, sequence, revision: toldOf(after).revision ?? 0, document: toldOf(after).document ?? {}, before: toldOf(old).document ?? null, setBy: actor, at,
  }))
}

const toldOf = (told: unknown): { revision?: number; document?: unknown } => (typeof told === 'object' && told !== null ? told : {})
