import { invalid } from '../../core/errors.js'
import { type RevocationState } from '../../core/revocation.js'
import { appliedStates } from '../../core/worker-status.js'
import { entrySessions, revocationImpact } from '../../catalog/impact.js'
import { revocationById, revocations, revocationTargets, type RevocationView, type TargetView } from '../../catalog/receipt.js'
import { builder } from '../builder.js'
import { connectionOf, pageArgs, pageByText } from '../connection.js'
import { callerOf, type GraphQLContext } from '../context.js'
import { RevocationModeEnum } from './entry.js'
import { NodeInterface, PrincipalType } from './owner.js'
import { AppliedStateEnum, WorkerSessionConnection, WorkerType } from './worker.js'

const RevocationStateEnum = builder.enumType('RevocationState', {
  values: {
    PENDING: { description: 'Sessions still have it, within their time.' },
    COMPLETE: { description: 'All have stopped or refused it, or nobody had it.' },
    OVERDUE: { description: 'A session has not stopped by the deadline; or one that cannot be reached not by the time at which it must have.' },
  } satisfies Record<RevocationState, object>,
})

const RevocationTargetType = builder.objectRef<TargetView>('RevocationTarget').implement({
  description: 'A session that was reported to have it; or a subscription for which nobody reports: sessionId is then made of its token and owner.',
  fields: (t) => ({
    worker: t.field({ type: WorkerType, nullable: true, description: 'null: a subscription for which no worker reports; or forgotten, days after it was last heard of.', resolve: ({ worker }) => worker }),
    sessionId: t.exposeID('sessionId'),
    state: t.expose('state', { type: AppliedStateEnum }),
    at: t.field({ type: 'DateTime', nullable: true, description: 'Of the report by which it has this state.', resolve: ({ at }) => at }),
    refusedCalls: t.exposeInt('refusedCalls', { description: 'Calls refused since it was withdrawn.' }),
    mustStopBy: t.field({
      type: 'DateTime', nullable: true, description: 'Not heard of since: when it must have stopped by itself, at the latest.', resolve: ({ mustStopBy }) => mustStopBy,
    }),
    reason: t.exposeString('reason', { nullable: true }),
  }),
})
const RevocationTargetConnection = connectionOf('RevocationTarget', RevocationTargetType)

export const RevocationType = builder.objectRef<RevocationView>('Revocation').implement({
  description: 'The receipt of what was taken from sessions.',
  interfaces: [NodeInterface],
  isTypeOf: (value) => 'requestedBy' in (value as object) && 'verb' in (value as object),
  fields: (t) => ({
    entryId: t.exposeID('entryId'),
    entryName: t.exposeString('entryName', { description: 'As it was then.' }),
    mode: t.expose('mode', { type: RevocationModeEnum }),
    reason: t.exposeString('reason'),
    requestedBy: t.field({
      type: PrincipalType, description: 'Of a right that was lost: only to admins and to whoever did it; to others SYSTEM.', resolve: ({ requestedBy }) => requestedBy,
    }),
    requestedAt: t.field({ type: 'DateTime', resolve: ({ requestedAt }) => requestedAt }),
    deadline: t.field({ type: 'DateTime', description: 'When sessions that can be reached should have said that it stopped.', resolve: ({ deadline }) => deadline }),
    state: t.expose('state', { type: RevocationStateEnum }),
    targetCount: t.exposeInt('targetCount', { description: 'All sessions that had it, also those that the caller may not see.' }),
    stoppedCount: t.exposeInt('stoppedCount', { description: 'Of them, those in which it stopped.' }),
    targets: t.field({
      type: RevocationTargetConnection,
      description: 'By worker and session; those that the caller may see.',
      args: pageArgs(t.arg),
      resolve: (revocation, page, context) => pageByText(
        (after, limit) => revocationTargets(callerOf(context), revocation, placeOf(after), limit),
        ({ workerId, sessionId }) => JSON.stringify([workerId, sessionId]), page,
      ),
    }),
  }),
})
const RevocationConnection = connectionOf('Revocation', RevocationType)

/** For payloads: the receipt that a change has opened. */
export async function receiptOf({ revocationId }: { revocationId: string | null }, context: GraphQLContext): Promise<RevocationView | null> {
  return revocationId === null ? null : revocationById(callerOf(context), revocationId)
}

const isStorable = (part: unknown): part is string => typeof part === 'string' && part.isWellFormed() && !part.includes('\0')

/** @throws CatalogError INVALID_INPUT for what is no cursor of ours */
function placeOf(after: string | null): { workerId: string; sessionId: string } | null {
  if (after === null) return null
  const parts = readList(after)
  if (parts.length === 2 && parts.every(isStorable)) return { workerId: parts[0] as string, sessionId: parts[1] as string }
  throw invalid('after', 'This is not a cursor of this list.', 'Use an endCursor of an earlier page.')
}

/** @throws CatalogError INVALID_INPUT for what is no cursor of ours */
function beforeOf(text: string | null): { sequence: number; id: string } | null {
  if (text === null) return null
  const [sequence, id, ...more] = readList(text)
  if (Number.isSafeInteger(sequence) && isStorable(id) && more.length === 0) return { sequence: sequence as number, id }
  throw invalid('after', 'This is not a cursor of this list.', 'Use an endCursor of an earlier page.')
}

function readList(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

builder.queryFields((t) => ({
  revocation: t.field({
    type: RevocationType,
    nullable: true,
    description: 'For those who see what runs for the entry\'s owner.',
    args: { id: t.arg.id({ required: true }) },
    resolve: (_, { id }, context) => revocationById(callerOf(context), id),
  }),
  revocations: t.field({
    type: RevocationConnection,
    description: 'Newest first: of the caller\'s entries and those of their teams; for admins all.',
    args: { entryId: t.arg.id(), state: t.arg({ type: RevocationStateEnum }), ...pageArgs(t.arg) },
    resolve: (_, { entryId, state, ...page }, context) => pageByText(
      (before, limit) => revocations(callerOf(context), { entryId: entryId ?? null, state: state ?? null }, beforeOf(before), limit),
      ({ sequence, id }) => JSON.stringify([sequence, id]), page,
    ),
  }),
  entrySessions: t.field({
    type: WorkerSessionConnection,
    description: 'The sessions that report the entry, in one of the states, by worker and session; those that the caller may see.',
    args: {
      entryId: t.arg.id({ required: true }),
      states: t.arg({ type: [AppliedStateEnum], description: 'Default: all. With REFUSED and FAILED: where it is missing, and why.' }), ...pageArgs(t.arg),
    },
    resolve: (_, { entryId, states, ...page }, context) => pageByText(
      (after, limit) => entrySessions(callerOf(context), { entryId, states: [...new Set(states ?? appliedStates)] }, placeOf(after), limit),
      ({ worker, sessionId }) => JSON.stringify([worker.id, sessionId]), page,
    ),
  }),
  revocationImpact: t.field({
    type: WorkerSessionConnection,
    description: 'The sessions that would lose the entry now, by worker and session; those that the caller may see.',
    args: { entryId: t.arg.id({ required: true }), ...pageArgs(t.arg) },
    resolve: (_, { entryId, ...page }, context) => pageByText(
      (after, limit) => revocationImpact(callerOf(context), entryId, placeOf(after), limit),
      ({ worker, sessionId }) => JSON.stringify([worker.id, sessionId]), page,
    ),
  }),
}))
