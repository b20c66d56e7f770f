import { type JudgedEntry } from '../../core/entry.js'
import { type SecretRecord } from '../../core/secret.js'
import { type StandingReference, standingReason } from '../../core/secret-standing.js'
import { bindSecret, secretBindings } from '../../catalog/bind-secret.js'
import { deleteSecret, listSecrets, putSecret, usersOfSecret } from '../../catalog/secret.js'
import { builder } from '../builder.js'
import { callerOf } from '../context.js'
import { CatalogEntryInterface } from './entry.js'
import { SecretReferenceScopeEnum, SecretReferenceType } from './mcp-server.js'
import { NodeInterface, OwnerInput, OwnerType, PrincipalType } from './owner.js'
import { EntryPayload } from './withdraw.js'

const SecretType = builder.objectRef<SecretRecord>('Secret').implement({
  description: 'That there is a secret, and who set it when. Its value is for nobody to read.',
  interfaces: [NodeInterface],
  isTypeOf: (value) => 'version' in (value as object) && 'provider' in (value as object),
  fields: (t) => ({
    owner: t.field({ type: OwnerType, resolve: ({ owner }) => owner }),
    name: t.exposeString('name'),
    provider: t.exposeString('provider', { description: 'sealed, env, file or vault.' }),
    version: t.exposeInt('version', { description: 'Rises with whatever is set, deleted, or found to be another value where its provider has it.' }),
    updatedAt: t.field({ type: 'DateTime', resolve: ({ updatedAt }) => updatedAt }),
    updatedBy: t.field({ type: PrincipalType, description: 'Pilothouse itself where the provider had another value.', resolve: ({ updatedBy }) => updatedBy }),
    usedBy: t.field({
      type: [CatalogEntryInterface], description: 'The owner\'s entries that name it, and of a person also those of their set that name it with ${user:}; as far as the caller may see them.',
      resolve: (secret, _, context): JudgedEntry[] => usersOfSecret(callerOf(context), secret),
    }),
  }),
})
const SecretBindingType = builder.objectRef<StandingReference>('SecretBinding').implement({
  description: 'How a reference of an entry stands in the caller\'s own sessions.',
  fields: (t) => ({
    reference: t.field({ type: SecretReferenceType, resolve: ({ reference }) => reference }),
    bound: t.exposeBoolean('isBound', { description: 'Whether its value may go where it stands, once there is one.' }),
    reason: t.string({ nullable: true, description: 'Why a session does not get its value, with the mend. null: it does.', resolve: standingReason }),
  }),
})

const PutSecretInput = builder.inputType('PutSecretInput', {
  fields: (t) => ({
    owner: t.field({ type: OwnerInput, required: true }),
    name: t.string({ required: true, description: '1 to 64 letters, digits, dots, - and _, beginning with a letter or digit.' }),
    value: t.string({ description: '1 byte to 64 KiB as UTF-8. For sealed, and for no other provider.' }),
    provider: t.string({ description: 'sealed (the default), env, file or vault; only admins may name another than sealed.' }),
    path: t.string({ description: 'Where env, file or vault has the value.' }),
    expectedVersion: t.int({ description: 'The version that it has, 0 for one that is not there: of another one nothing is set (REVISION_CONFLICT). Left out: whichever.' }),
  }),
})
const DeleteSecretInput = builder.inputType('DeleteSecretInput', {
  fields: (t) => ({ owner: t.field({ type: OwnerInput, required: true }), name: t.string({ required: true }) }),
})
const BindSecretInput = builder.inputType('BindSecretInput', {
  fields: (t) => ({
    entryId: t.id({ required: true }),
    digest: t.string({ required: true, description: 'Of the definition that was looked at: nothing else gets bound.' }),
    scope: t.field({ type: SecretReferenceScopeEnum, required: true }),
    name: t.string({ required: true }),
    injectionPoint: t.string({ required: true, description: 'header:NAME or env:NAME' }),
  }),
})
const SecretPayload = builder.objectRef<{ secret: SecretRecord; cursor: string }>('SecretPayload').implement({
  fields: (t) => ({
    secret: t.field({ type: SecretType, resolve: ({ secret }) => secret }),
    cursor: t.expose('cursor', { type: 'Cursor' }),
  }),
})

builder.queryFields((t) => ({
  secrets: t.field({
    type: [SecretType],
    description: 'An owner\'s, by name.',
    args: { owner: t.arg({ type: OwnerInput, required: true }) },
    resolve: (_, { owner }, context) => listSecrets(callerOf(context), owner),
  }),
  secretBindings: t.field({
    type: [SecretBindingType],
    description: 'Of every reference of an entry that the caller may see, in the caller\'s own sessions.',
    args: { entryId: t.arg.id({ required: true }) },
    resolve: (_, { entryId }, context) => secretBindings(callerOf(context), entryId),
  }),
}))

builder.mutationFields((t) => ({
  putSecret: t.field({
    type: SecretPayload,
    description: 'Sets or replaces a secret. Send the value as a variable.',
    args: { input: t.arg({ type: PutSecretInput, required: true }) },
    resolve: async (_, { input }, context) => {
      const { result, cursor } = await putSecret(callerOf(context), input)
      return { secret: result, cursor }
    },
  }),
  deleteSecret: t.field({
    type: SecretPayload,
    description: 'Whoever uses it loses it at once; the answer tells it as it was last.',
    args: { input: t.arg({ type: DeleteSecretInput, required: true }) },
    resolve: async (_, { input }, context) => {
      const { result, cursor } = await deleteSecret(callerOf(context), input)
      return { secret: result, cursor }
    },
  }),
  bindSecret: t.field({
    type: EntryPayload,
    description: 'Lets a value go where a reference stands: OWNER by whoever may write both the entry and its owner\'s secrets, USER by each person for their own account.',
    args: { input: t.arg({ type: BindSecretInput, required: true }) },
    resolve: async (_, { input }, context) => {
      const { result, cursor } = await bindSecret(callerOf(context), input)
      return { entry: result, cursor, revocationId: null }
    },
  }),
}))
