import { compactDecrypt, exportJWK, generateKeyPair } from 'jose'
import { CatalogRequestError, type LeaseSecretsInput, type OwnerInput } from '../client/index.js'
import { leaseTtlMs, type LeaseHeader } from '../core/lease.js'
import { type Clock } from './clock.js'
import { LeaseError, messageOf } from './errors.js'
import { passed } from './step.js'
import { createTurnstile } from './turnstile.js'

/** Values of one entry's references for one session. They are held in memory alone. */
export interface Lease {
  revision: number
  /** As the feed's: of two leases of one revision the one with the smaller number is older. */
  secretVersion: number
  /** By `leasedName`. */
  values: ReadonlyMap<string, string>
  /** Of the worker's monotonic clock, counted from when the lease was asked for: nothing starts with it afterwards. */
  untilMs: number
}

/**
 * Asks the catalog for the values of one entry at one revision.
 * @throws LeaseError UNAVAILABLE for an answer that does not come, cannot be read or is for something else; CatalogRequestError for a refusal; the
 *   signal's reason when that aborts
 */
export type Leaser = (question: LeaseQuestion, signal: AbortSignal) => Promise<Lease>

export interface LeaseQuestion {
  entryId: string
  revision: number
  /** Of the session. */
  owner: OwnerInput
  sessionId: string
}

export interface LeaserOptions {
  /**
   * Sends the question; resolves with the compact JWE of the answer.
   * @throws CatalogRequestError
   */
  send: (input: LeaseSecretsInput) => Promise<string>
  clock: Clock
  /** Leases that are asked for at once, over all sessions of the worker; the others wait. Default 16. */
  maxAtOnce?: number
}

/** @returns the one leaser of a worker. Each lease is encrypted to a key of its own, which is gone when the answer is read. */
export function createLeaser({ send, clock, maxAtOnce = 16 }: LeaserOptions): Leaser {
  const turnstile = createTurnstile(maxAtOnce)
  return (question, signal) => turnstile(async () => {
    const { publicKey, privateKey } = await generateKeyPair('ECDH-ES', { crv: 'P-256' })
    const { kty, crv, x, y } = await exportJWK(publicKey)
    const askedMs = clock.nowMs()
    passed('lease.asked')
    const answer = await send({ ...question, recipientKey: { kty, crv, x, y } })
    signal.throwIfAborted()
    try {
      const lease = await read(answer, privateKey, question)
      passed('lease.opened')
      return { ...lease, untilMs: askedMs + leaseTtlMs }
    } catch (error) {
      // What a library says of a text that it could not read may quote the text.
      throw error instanceof LeaseError ? error : new LeaseError('UNAVAILABLE', 'The catalog\'s answer could not be decrypted.')
    }
  }, signal)
}

type PrivateKey = Parameters<typeof compactDecrypt>[1]

async function read(answer: string, privateKey: PrivateKey, question: LeaseQuestion): Promise<Omit<Lease, 'untilMs'>> {
  const { plaintext, protectedHeader } = await compactDecrypt(answer, privateKey, { keyManagementAlgorithms: ['ECDH-ES'], contentEncryptionAlgorithms: ['A256GCM'] })
  const header = protectedHeader as unknown as LeaseHeader
  if (!isAnswerTo(header, question)) throw new LeaseError('UNAVAILABLE', 'The catalog answered with a lease for something else.')
  const values: unknown = JSON.parse(new TextDecoder('utf-8', { ignoreBOM: true }).decode(plaintext))
  plaintext.fill(0)
  if (typeof values !== 'object' || values === null || !Object.values(values).every((value) => typeof value === 'string')) {
    throw new LeaseError('UNAVAILABLE', 'The catalog answered with a lease that holds no values.')
  }
  return { revision: header.revision, secretVersion: header.secretVersion, values: new Map(Object.entries(values)) }
}

/** An answer to another question must never be used, however it came to stand here. */
function isAnswerTo({ typ, entryId, revision, owner, sessionId, secretVersion }: LeaseHeader, question: LeaseQuestion): boolean {
  return typ === 'pilothouse-lease' && entryId === question.entryId && revision === question.revision && sessionId === question.sessionId
    && owner?.kind === question.owner.kind && (question.owner.id == null || owner.id === question.owner.id) && Number.isInteger(secretVersion)
}

/** With all other codes trying again may help, and nothing is said about the secret. */
const deniedCodes = new Set(['SECRET_NOT_FOUND', 'SECRET_UNBOUND', 'FORBIDDEN', 'NOT_FOUND', 'LIMIT_EXCEEDED'])

export function isDenial(error: unknown): error is CatalogRequestError {
  return error instanceof CatalogRequestError && deniedCodes.has(error.code)
}

export function unavailable(error: unknown): LeaseError {
  return error instanceof LeaseError ? error : new LeaseError('UNAVAILABLE', `Its secrets could not be leased: ${messageOf(error)}`)
}
