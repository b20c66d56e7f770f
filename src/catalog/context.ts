import { createHash, createHmac, randomBytes } from 'node:crypto'
import { type Credential, type Principal } from '../core/access.js'
import { type AccessAction, type AuditOutcome, type CalledField } from '../core/audit-words.js'
import { type Definition, digestedText, type EntryKind } from '../core/entry.js'
import { CatalogError } from '../core/errors.js'
import { type PrincipalRef } from '../core/owner.js'
import { type Db } from '../db/client.js'
import { type CatalogIndex } from '../index/catalog-index.js'
import { type SecretStore } from '../secrets/index.js'
import { type WriteEntry } from './entry-lane.js'
import { type Observer } from './observer.js'
import { type Done, type Job } from './writer.js'

/** What every use case works with; made once for a process. */
export interface CatalogServices {
  db: Db
  index: CatalogIndex
  /** HMAC key of both audit chains; it lies outside the database. */
  auditKey: Buffer
  now: () => Date
  writer: { write: <Result>(job: Job<Result>) => Promise<Done<Result>>; writeEntry: WriteEntry }
  /**
   * Reads what other nodes committed; resolves when everything from before the call is in the index.
   * @param isAnotherPast the database may have been restored: look at its head too
   * @throws CatalogError UNAVAILABLE when the database does not answer in time
   */
  refresh: (options?: { isAnotherPast: boolean }) => Promise<void>
  accessLog: AccessLog
  observer: Observer
  /** The values of secrets, which are nowhere else. */
  secrets: SecretStore
  /** Keyed hashes of what this node lent while another value was written down, by the secret's id; see secret-sight.ts. */
  lentOthers: Map<string, string>
  /** What went wrong beside a write that stands, for whoever runs the server. Never throws. */
  warn: (error: unknown, message: string) => void
}

/** What happened in the access chain; see access-log.ts. */
export interface AccessEvent {
  actor: PrincipalRef
  action: AccessAction | CalledField
  /** OK: nothing was refused, and it is worth knowing who did it. */
  outcome: AuditOutcome
  target: string
  /** More that is worth knowing, never a value of a secret; texts are cut like `target`. */
  detail?: Readonly<Record<string, string | number | readonly string[]>>
}

export interface AccessLog {
  /** Resolves when the event is stored: it is written before the answer leaves. */
  record: (event: AccessEvent) => Promise<void>
}

/** One caller's view of the services. */
export interface CatalogContext extends CatalogServices {
  /**
   * Who calls, with the rights of this very moment: a request may outlive a role, a membership or its own token.
   * Reading it throws UNAUTHENTICATED once the credential has ended.
   */
  readonly principal: Principal
}

export function callerContext(services: CatalogServices, credential: Credential): CatalogContext {
  return {
    ...services,
    get principal() {
      const principal = services.index.principalNow(credential, services.now())
      if (principal !== null) return principal
      throw new CatalogError('UNAUTHENTICATED', 'The access token or session has ended.', { field: 'authorization', mend: 'Sign in again, or use a valid token.' })
    },
  }
}

export function actorOf(principal: Principal): PrincipalRef {
  return { kind: principal.kind, id: principal.id }
}

export type IdPrefix = 'srv' | 'agt' | 'usr' | 'team' | 'tok' | 'rev' | 'apr' | 'sec' | 'lse' | 'prb' | 'cns'

/** Opaque and unguessable; the prefix tells people, and `node(id)`, what it is. */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`
}

export function digestOf(kind: EntryKind, definition: Definition): string {
  return createHash('sha256').update(digestedText(kind, definition)).digest('hex')
}

export function hmac(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex')
}
