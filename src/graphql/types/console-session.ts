import { type ConsoleSessionView, endConsoleSession, endOtherConsoleSessions, listOwnConsoleSessions } from '../../catalog/own-console-sessions.js'
import { builder } from '../builder.js'
import { connectionOf, pageArgs, pageOf } from '../connection.js'
import { callerOf } from '../context.js'
import { AccessTokenType } from './token.js'

const ConsoleSessionType = builder.objectRef<ConsoleSessionView>('ConsoleSession').implement({
  description: 'A browser that is signed in at the console, for one person.',
  fields: (t) => ({
    id: t.exposeID('id'),
    createdAt: t.field({ type: 'DateTime', resolve: ({ createdAt }) => createdAt }),
    lastUsedAt: t.field({ type: 'DateTime', description: 'Within a minute.', resolve: ({ lastUsedAt }) => lastUsedAt }),
    expiresAt: t.field({ type: 'DateTime', description: 'At the latest; unused for two hours, it ends sooner.', resolve: ({ expiresAt }) => expiresAt }),
    endedAt: t.field({ type: 'DateTime', nullable: true, description: 'null: it goes on.', resolve: ({ endedAt }) => endedAt }),
    accessToken: t.field({ type: AccessTokenType, nullable: true, description: 'With which it was begun, and ends; null: the person signed in at the identity provider.', resolve: ({ accessToken }) => accessToken }),
    current: t.exposeBoolean('isCurrent', { description: 'It is the one that asks.' }),
  }),
})
const ConsoleSessionConnection = connectionOf('ConsoleSession', ConsoleSessionType)

builder.queryField('consoleSessions', (t) => t.field({
  type: ConsoleSessionConnection,
  description: 'Where the caller is signed in at the console, newest first; for admins with userId that person.',
  args: { userId: t.arg.id(), ...pageArgs(t.arg) },
  resolve: async (_, { userId, ...page }, context) => pageOf(await listOwnConsoleSessions(callerOf(context), userId ?? null), ({ id }) => id, page),
}))

builder.mutationFields((t) => ({
  endConsoleSession: t.field({
    type: ConsoleSessionType,
    description: 'One of the caller\'s; for admins anybody\'s. Its requests are refused and its sockets close at once.',
    args: { id: t.arg.id({ required: true }) },
    resolve: (_, { id }, context) => endConsoleSession(callerOf(context), id),
  }),
  endOtherConsoleSessions: t.field({
    type: 'Int',
    description: 'All of the caller\'s but the one that asks; for admins with userId all of that person. Answers how many.',
    args: { userId: t.arg.id() },
    resolve: (_, { userId }, context) => endOtherConsoleSessions(callerOf(context), userId ?? null),
  }),
}))
