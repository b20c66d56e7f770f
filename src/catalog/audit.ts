import { can } from '../core/access.js'
import { chainNames, type ChainName } from '../core/audit-words.js'
import { type Entry } from '../core/entry.js'
import { deploymentOwner } from '../core/owner.js'
import { type McpServerDefinition, type NameValue } from '../core/mcp-server.js'
import { hasDollar } from '../core/secret-ref.js'
import { type AuditFilter, listAuditEvents, readChain } from '../db/audit.js'
import { type Db } from '../db/client.js'
import { readAccessHead, readHead } from '../db/head.js'
import { type AuditNode, namedEvents, placeOfId } from './audit-target.js'
import { authorize } from './authorize.js'
import { chainHash } from './chain.js'
import { type CatalogContext, hmac } from './context.js'


/**
 * An entry as the audit may tell it: values of headers and environment are keyed hashes, so that a change of a value
 * shows and the value does not. References are no secrets and stay readable.
 */
export function auditView({ auditKey }: { auditKey: Buffer }, entry: Entry): unknown {
  const { name, owner, visibility, audience, enabled, revoked, approval, bindings, locked, digest, revision, apply } = entry
  // Where it was reached is in the definition, and may be long.
  const told = revoked && { at: revoked.at, by: revoked.by, reason: revoked.reason, restored: revoked.restored }
  return { name, owner, visibility, audience, enabled, ...(told && { revoked: told }), ...(approval && { approval }), ...(bindings && { bindings }), locked, digest, revision, apply, definition: auditDefinition(auditKey, entry) }
}

function auditDefinition(key: Buffer, entry: Entry): unknown {
  if (entry.kind !== 'MCP_SERVER') return entry.definition
  const definition = entry.definition as McpServerDefinition
  const { transport } = definition
  const hide = (pairs: NameValue[]) => pairs.map(({ name, value }) => (
    { name, value: hasDollar(value) ? value.replaceAll(/(?:^|\})[^$]+(?=\$|$)/g, maskBetween(key)) : masked(key, value) }))
  return transport.kind === 'STDIO'
    ? { ...definition, transport: { ...transport, env: hide(transport.env) } }
    : { ...definition, transport: { ...transport, headers: hide(transport.headers) } }
}

const masked = (key: Buffer, value: string) => `hmac:${hmac(key, value).slice(0, 32)}`

/** Literal text around references (`Bearer ${secret:x}`) is hashed too; only the references themselves stay. */
function maskBetween(key: Buffer) {
  return (text: string) => text.startsWith('}') ? `}${masked(key, text.slice(1))}` : masked(key, text)
}

/** Newest first. @throws CatalogError FORBIDDEN for everybody but admins */
export async function auditEvents(context: CatalogContext, chain: ChainName, filter: AuditFilter, before: number | null, limit: number): Promise<AuditNode[]> {
  await authorize(context, 'READ_AUDIT', deploymentOwner, 'auditEvents')
  // Postgres cannot hold a NUL, so no event has one.
  if (Object.values(filter).flat().some((value: unknown) => typeof value === 'string' && value.includes('\0'))) return []
  return namedEvents(context, chain, await listAuditEvents(context.db, chain, filter, before, limit))
}

/** null for everybody but admins, and for ids that are none. */
export async function auditEventById(context: CatalogContext, id: string): Promise<AuditNode | null> {
  const place = placeOfId(id)
  if (place === null || !can(context.principal, 'READ_AUDIT', deploymentOwner)) return null
  const records = await listAuditEvents(context.db, place.chain, {}, place.sequence + 1, 1)
  const [event] = await namedEvents(context, place.chain, records.filter(({ sequence }) => sequence === place.sequence))
  return event ?? null
}

export interface ChainReport {
  chain: ChainName
  /** Rows that were checked. */
  count: number
  /** Hash of the last row; kept elsewhere, it shows a cut-off end too. */
  head: string
  /** The first row that is not as it was written, with the reason; null when all are. */
  broken: { sequence: number; reason: string } | null
}

const pageSize = 1_000

/** The newest rows of each chain that `recentChains` looks at: as many as a person waits for, whatever the length of the chain. */
const recentRows = 200

/**
 * Both chains' newest rows, each hash recomputed from the row before. What is older, only `pilothouse audit verify` reads.
 * @throws CatalogError FORBIDDEN for everybody but admins
 */
export async function recentChains(context: CatalogContext): Promise<ChainReport[]> {
  await authorize(context, 'READ_AUDIT', deploymentOwner, 'auditChains')
  const { db, auditKey } = context
  return Promise.all(chainNames.map((chain) => verifyEnd(db, auditKey, chain, recentRows)))
}

async function verifyEnd(db: Db, key: Buffer, chain: ChainName, rows: number): Promise<ChainReport> {
  const { sequence } = await headOf(db, chain)
  const start = sequence - rows
  if (start <= 0) return verifyChain(db, key, chain)
  const [known] = await readChain(db, chain, start - 1, 1)
  if (known?.sequence !== start) return { chain, count: 0, head: '', broken: { sequence: start, reason: 'the row is missing' } }
  return verifyChain(db, key, chain, known)
}

const headOf = async (db: Db, chain: ChainName): Promise<{ sequence: number; hash: string }> => (
  chain === 'access' ? readAccessHead(db) : readHead(db).then(({ sequence, auditHash: hash }) => ({ sequence, hash })))

/**
 * Reads a chain and recomputes every hash.
 * @param after only the rows behind this one, whose own hash is believed; left out: the whole chain
 */
export async function verifyChain(db: Db, key: Buffer, chain: ChainName, after = { sequence: 0, hash: '' }): Promise<ChainReport> {
  let previous = after.hash
  let count = 0
  let { sequence } = after
  const report = (broken: ChainReport['broken']): ChainReport => ({ chain, count, head: previous, broken })
  for (;;) {
    const page = await readChain(db, chain, sequence, pageSize)
    for (const record of page) {
      if (record.sequence !== sequence + 1) return report({ sequence: sequence + 1, reason: 'the row is missing' })
      if (record.hash !== chainHash(key, previous, record)) return report({ sequence: record.sequence, reason: 'the row was altered' })
      previous = record.hash
      sequence = record.sequence
      count++
    }
    if (page.length < pageSize) break
  }
  const head = await headOf(db, chain)
  if (head.sequence === sequence && head.hash !== previous) return report({ sequence, reason: 'the head does not fit the last row' })
  // Rows written meanwhile are not lost: the head may only be ahead of rows that still come.
  if (head.sequence > sequence && (await readChain(db, chain, sequence, 1)).length === 0) {
    return report({ sequence: sequence + 1, reason: 'the end of the chain is missing' })
  }
  return report(null)
}

export type { AuditFilter, ChainName }
