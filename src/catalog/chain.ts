import { canonicalJson } from '../core/canonical.js'
import { type AuditRecord } from '../db/audit.js'
import { hmac } from './context.js'

/** The hash of one record: keyed, over its content and the hash before it. */
export function chainHash(key: Buffer, previous: string, record: Omit<AuditRecord, 'hash'>): string {
  const { sequence, at, actor, action, outcome, target, before, after } = record
  return hmac(key, canonicalJson({ action, actor, after, at, before, outcome, previous, sequence, target }))
}

/** Records linked to the one before, each by its hash. */
export function chain(key: Buffer, previous: string, records: Array<Omit<AuditRecord, 'hash'>>): AuditRecord[] {
  let last = previous
  return records.map((record) => ({ ...record, hash: last = chainHash(key, last, record) }))
}
