import { createAccessToken, listAccessTokens, revokeAccessToken, type StoredToken } from '../../catalog/token.js'
import { builder } from '../builder.js'
import { connectionOf, pageArgs, pageOf } from '../connection.js'
import { callerOf } from '../context.js'
import { NodeInterface, OwnerInput, OwnerType } from './owner.js'

const TokenKindEnum = builder.enumType('TokenKind', { values: ['PERSONAL', 'WORKER'] as const })

export const AccessTokenType = builder.objectRef<StoredToken>('AccessToken').implement({
  interfaces: [NodeInterface],
  isTypeOf: (value) => 'prefix' in (value as object),
  fields: (t) => ({
    kind: t.expose('kind', { type: TokenKindEnum }),
    name: t.exposeString('name'),
    prefix: t.exposeString('prefix', { description: 'Its first characters, to tell tokens apart.' }),
    createdAt: t.field({ type: 'DateTime', resolve: ({ createdAt }) => createdAt }),
    expiresAt: t.field({ type: 'DateTime', nullable: true, resolve: ({ expiresAt }) => expiresAt }),
    lastUsedAt: t.field({ type: 'DateTime', nullable: true, description: 'Within a minute.', resolve: ({ lastUsedAt }) => lastUsedAt }),
    revokedAt: t.field({ type: 'DateTime', nullable: true, resolve: ({ revokedAt }) => revokedAt }),
    serves: t.field({ type: [OwnerType], nullable: true, description: 'WORKER: null means every owner.', resolve: ({ serves }) => serves }),
  }),
})

const CreateAccessTokenInput = builder.inputType('CreateAccessTokenInput', {
  fields: (t) => ({
    kind: t.field({ type: TokenKindEnum, required: true }),
    name: t.string({ required: true }),
    expiresInDays: t.int({ description: '1 to 3650; default 90 for PERSONAL, 365 for WORKER.' }),
    userId: t.id({ description: 'PERSONAL: left out means the caller.' }),
    serves: t.field({ type: [OwnerInput], description: 'WORKER: left out means every owner.' }),
  }),
})
const CreateAccessTokenPayload = builder.objectRef<{ accessToken: StoredToken; secret: string }>('CreateAccessTokenPayload').implement({
  fields: (t) => ({
    accessToken: t.field({ type: AccessTokenType, resolve: ({ accessToken }) => accessToken }),
    secret: t.exposeString('secret', { description: 'Shown once.' }),
  }),
})
const AccessTokenConnection = connectionOf('AccessToken', AccessTokenType)

builder.queryField('accessTokens', (t) => t.field({
  type: AccessTokenConnection,
  description: 'The caller\'s, newest first; for admins without userId the worker tokens too.',
  args: { userId: t.arg.id(), ...pageArgs(t.arg) },
  resolve: async (_, { userId, ...page }, context) => (
    pageOf(await listAccessTokens(callerOf(context), userId ?? null), ({ id }) => id, page)
  ),
}))

builder.mutationFields((t) => ({
  createAccessToken: t.field({
    type: CreateAccessTokenPayload,
    args: { input: t.arg({ type: CreateAccessTokenInput, required: true }) },
    resolve: (_, { input }, context) => createAccessToken(callerOf(context), input),
  }),
  revokeAccessToken: t.field({
    type: AccessTokenType,
    description: 'Its requests are refused and its sockets close at once.',
    args: { id: t.arg.id({ required: true }) },
    resolve: (_, { id }, context) => revokeAccessToken(callerOf(context), id),
  }),
}))
