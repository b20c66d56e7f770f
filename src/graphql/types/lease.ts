import { leaseSecrets, type SecretLease } from '../../catalog/lease.js'
import { builder } from '../builder.js'
import { callerOf } from '../context.js'
import { OwnerInput } from './owner.js'

const SecretLeaseType = builder.objectRef<SecretLease>('SecretLease').implement({
  description: 'What an entry\'s references to secrets stand for, for one session.',
  fields: (t) => ({
    id: t.exposeID('id'),
    expiresAt: t.field({ type: 'DateTime', description: 'Until then connections and processes may be started with the values; what runs then goes on.', resolve: ({ expiresAt }) => expiresAt }),
    values: t.exposeString('values', {
      description: 'A compact JWE (ECDH-ES, A256GCM) for recipientKey. Its plaintext is a JSON object from reference (secret:NAME, user:NAME) to value; its protected header names what it was asked for: leaseId, entryId, revision, owner, sessionId, secretVersion, expiresAt.',
    }),
  }),
})

const LeaseSecretsInput = builder.inputType('LeaseSecretsInput', {
  fields: (t) => ({
    entryId: t.id({ required: true }),
    revision: t.int({ required: true, description: 'Of the entry, as the worker has it.' }),
    owner: t.field({ type: OwnerInput, required: true, description: 'Of the session; one that the token serves. user:NAME is this person\'s.' }),
    sessionId: t.id({ required: true, description: 'As the worker reports it; for the record.' }),
    recipientKey: t.field({ type: 'JSON', required: true, description: 'A public JWK of the worker\'s own: P-256 (kty EC) or X25519 (kty OKP). Best a new key for each lease.' }),
  }),
})

builder.mutationField('leaseSecrets', (t) => t.field({
  type: SecretLeaseType,
  description: 'Workers only: the values of one entry\'s references for one session, encrypted to the worker\'s own key and recorded before they leave.',
  args: { input: t.arg({ type: LeaseSecretsInput, required: true }) },
  resolve: (_, { input }, context) => leaseSecrets(callerOf(context), input),
}))
