import { compactDecrypt, exportJWK, generateKeyPair, type JWK } from 'jose'
import { type App } from '../../src/app.js'
import { commit } from '../../src/catalog/commit.js'
import { newId } from '../../src/catalog/context.js'
import { LeaseSecretsDocument, type LeaseSecretsInput } from '../../src/client/index.js'
import { type LeaseHeader } from '../../src/core/lease.js'
import { type OwnerRef, systemPrincipal } from '../../src/core/owner.js'
import { bindingKey, type UserBinding } from '../../src/core/secret.js'
import { lockSecret, putSecretRow, putUserBinding, toRecord } from '../../src/db/secret.js'
import { type Person } from './server.js'

/** The worker's end of leases: a key of its own. */
export interface Recipient {
  publicKey: JWK
  open: (values: string) => Promise<{ header: LeaseHeader & { alg: string; enc: string }; values: Record<string, string>; bytes: number }>
}

export async function createRecipient(crv: 'P-256' | 'X25519' = 'P-256'): Promise<Recipient> {
  const { publicKey, privateKey } = await generateKeyPair('ECDH-ES', { crv, extractable: true })
  return {
    publicKey: await exportJWK(publicKey),
    open: async (values) => {
      const { plaintext, protectedHeader } = await compactDecrypt(values, privateKey)
      return {
        header: protectedHeader as unknown as LeaseHeader & { alg: string; enc: string }, bytes: plaintext.length,
        values: JSON.parse(new TextDecoder().decode(plaintext)) as Record<string, string>,
      }
    },
  }
}

/** Leases once, with a key of its own, and opens what came. */
export async function leased(worker: Person, input: Omit<LeaseSecretsInput, 'recipientKey' | 'sessionId'> & { sessionId?: string }) {
  const recipient = await createRecipient()
  const { leaseSecrets } = await worker.client.execute(LeaseSecretsDocument, { input: { sessionId: 's1', ...input, recipientKey: recipient.publicKey } })
  return { ...leaseSecrets, ...await recipient.open(leaseSecrets.values) }
}

/** Sets the next version of a sealed secret; null deletes it. */
export async function storeSecret({ services }: Pick<App, 'services'>, owner: OwnerRef, name: string, value: string | null): Promise<void> {
  await commit(services, systemPrincipal, async () => async (tx) => {
    const before = await lockSecret(tx, owner, name)
    const at = services.now().toISOString()
    const place = { owner, name, version: (before?.version ?? 0) + 1 }
    const after = {
      ...place, id: before?.id ?? newId('sec'), provider: 'sealed' as const, path: null, sealed: value === null ? null : services.secrets.seal(place, value),
      fingerprint: null, updatedAt: at, updatedBy: systemPrincipal, deletedAt: value === null ? at : null,
    }
    await putSecretRow(tx, after)
    const change = { subject: 'SECRET' as const, id: after.id, before: before === null ? null : toRecord(before), after: toRecord(after) }
    return { changes: [{ change, action: 'secret.put', before: null, after: null }], result: null }
  })
}

/** A person says yes to a `${user:}` of somebody else's entry, as it now is. */
export async function bindAccount({ services }: Pick<App, 'services'>, { id: userId }: Person, entryId: string, name: string, injectionPoint: string): Promise<void> {
  await commit(services, systemPrincipal, async () => async (tx) => {
    const { since } = services.index.state.entries.get(entryId)!.bindings!
    const after: UserBinding = { entryId, userId, name, injectionPoint, since, at: services.now().toISOString() }
    await putUserBinding(tx, after)
    const change = { subject: 'BINDING' as const, id: bindingKey(after), before: null, after }
    return { changes: [{ change, action: 'secret.bind', before: null, after: null }], result: null }
  })
}
