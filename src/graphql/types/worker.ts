import { type AppliedEntry, type AppliedState, type Convergence } from '../../core/worker-status.js'
import { reportWorkerStatus } from '../../catalog/worker-report.js'
import { convergence, convergenceFailures, type FailureCount, workers, workerSessions, type WorkerSessionView, type WorkerView } from '../../catalog/worker.js'
import { builder } from '../builder.js'
import { connectionOf, pageArgs, pageByText } from '../connection.js'
import { callerOf } from '../context.js'
import { EntryKindEnum } from './entry.js'
import { NodeInterface, OwnerInput, OwnerType } from './owner.js'

export const AppliedStateEnum = builder.enumType('AppliedState', {
  values: {
    STARTING: { description: 'Being connected or started.' },
    APPLIED: { description: 'The session has it.' },
    DEFERRED: { description: 'Waits for the next turn or the next session.' },
    FAILED: { description: 'Could not be loaded.' },
    REFUSED: { description: 'Not loaded on purpose: by policy, by a protected name or by a bound.' },
    STOPPING: { description: 'Takes no new calls; calls in flight may finish.' },
    STOPPED: { description: 'Gone from the session, with its connections and processes.' },
    SURVIVED: { description: 'Something of it could not be ended.' },
    UNREACHABLE: { description: 'Nobody knows: its worker does not answer.' },
  } satisfies Record<AppliedState, object>,
})

const AppliedEntryType = builder.objectRef<AppliedEntry>('AppliedEntry').implement({
  description: 'One entry, of the catalog or static, as a session has it.',
  fields: (t) => ({
    entryId: t.exposeID('entryId', { nullable: true, description: 'null for static entries.' }),
    name: t.exposeString('name'),
    kind: t.expose('kind', { type: EntryKindEnum }),
    origin: t.exposeString('origin', { description: 'catalog, or the file or option that a static entry comes from.' }),
    revision: t.exposeInt('revision', { nullable: true }),
    state: t.expose('state', { type: AppliedStateEnum }),
    reason: t.exposeString('reason', { nullable: true, description: 'Redacted.' }),
    refusedCalls: t.exposeInt('refusedCalls', { nullable: true, description: 'Calls refused since it was withdrawn.' }),
    toolsHeld: t.field({
      type: ['String'], description: 'Tools that the session does without, because their definitions are not the accepted ones; see toolInventory.',
      resolve: ({ toolsHeld }) => toolsHeld ?? [],
    }),
    at: t.field({ type: 'DateTime', description: 'Of the report that first had it in this state.', resolve: ({ at }) => at }),
  }),
})

const WorkerRef = builder.objectRef<WorkerView>('Worker')

export const WorkerSessionType = builder.objectRef<WorkerSessionView>('WorkerSession').implement({
  description: 'A session is (worker, id); it may move to another worker.',
  fields: (t) => ({
    id: t.exposeID('sessionId'),
    worker: t.field({ type: WorkerRef, resolve: ({ worker }) => worker }),
    owner: t.field({ type: OwnerType, resolve: ({ owner }) => owner }),
    agent: t.exposeString('agent', { nullable: true }),
    entries: t.field({ type: [AppliedEntryType], resolve: ({ entries }) => entries }),
    cursor: t.expose('cursor', { type: 'Cursor', nullable: true, description: 'Everything up to here is applied, refused or failed.' }),
  }),
})

export const WorkerSessionConnection = connectionOf('WorkerSession', WorkerSessionType)

export const WorkerType = WorkerRef.implement({
  description: 'What reports sessions; seen by the sessions that the caller may see. Forgotten after seven days of silence.',
  interfaces: [NodeInterface],
  isTypeOf: (value) => 'lastSeenAt' in (value as object),
  fields: (t) => ({
    name: t.exposeString('id', { description: 'As the worker calls itself.' }),
    connected: t.exposeBoolean('connected', { description: 'It reported within 90 seconds.' }),
    lastSeenAt: t.field({ type: 'DateTime', resolve: ({ lastSeenAt }) => lastSeenAt }),
    lagSeconds: t.exposeFloat('lagSeconds', {
      nullable: true, description: 'How long there has been a change that it has not reported to have; null when it is current. Cursors move at least every 15 seconds.',
    }),
    cursor: t.expose('cursor', { type: 'Cursor', nullable: true, description: 'The oldest of its sessions; null when one of them has none yet.' }),
    sessions: t.field({
      type: WorkerSessionConnection,
      description: 'By id; those that the caller may see.',
      args: { owner: t.arg({ type: OwnerInput, description: 'Only this owner\'s.' }), ...pageArgs(t.arg) },
      resolve: (worker, { owner, ...page }, context) => pageByText(
        (after, limit) => workerSessions(callerOf(context), worker, owner ?? null, after, limit), ({ sessionId }) => sessionId, page,
      ),
    }),
  }),
})

const ConvergenceFailureType = builder.objectRef<FailureCount>('ConvergenceFailure').implement({
  description: 'Why an entry does not run as it should.',
  fields: (t) => ({
    state: t.expose('state', { type: AppliedStateEnum }),
    name: t.exposeString('name', { description: 'Of the entry.' }),
    reason: t.exposeString('reason', { nullable: true, description: 'Redacted.' }),
    workers: t.exposeInt('workers', { description: 'How many say so.' }),
  }),
})

const ConvergenceType = builder.objectRef<Convergence & { entryId: string | null }>('Convergence').implement({
  description: 'Workers that may still run something: a silent one stops by itself, and counts no more after 690 seconds. By their sessions that the caller may see.',
  fields: (t) => ({
    cursor: t.expose('cursor', { type: 'Cursor', description: 'The newest, or that of the entry\'s last change.' }),
    workers: t.exposeInt('workers', { description: 'current and behind together.' }),
    current: t.exposeInt('current', { description: 'All of the sessions are at the cursor or past it.' }),
    behind: t.exposeInt('behind', { description: 'A session is not there yet.' }),
    failed: t.exposeInt('failed', { description: 'A session has the entry (or any) FAILED, REFUSED, SURVIVED or UNREACHABLE; counted among the others too.' }),
    failures: t.field({
      type: [ConvergenceFailureType], description: 'What stands behind failed, of the most workers first; at most 10.',
      resolve: ({ entryId }, _, context) => convergenceFailures(callerOf(context), entryId),
    }),
  }),
})

const AppliedEntryInput = builder.inputType('AppliedEntryInput', {
  fields: (t) => ({
    entryId: t.id({ description: 'Left out for static entries.' }),
    name: t.string({ required: true, description: 'Kept to 200 characters.' }),
    kind: t.field({ type: EntryKindEnum, required: true }),
    origin: t.string({ required: true, description: 'catalog, or the file or option of a static entry; kept to 500 characters.' }),
    revision: t.int(),
    state: t.field({ type: AppliedStateEnum, required: true }),
    reason: t.string({ description: 'Redacted by the worker. The server takes out invisible characters and what looks like a token, and keeps 500 characters.' }),
    refusedCalls: t.int({ description: 'Calls refused since it was withdrawn.' }),
    toolsHeld: t.stringList({ description: 'Names; at most 100 are kept.' }),
  }),
})
const WorkerSessionInput = builder.inputType('WorkerSessionInput', {
  fields: (t) => ({
    id: t.id({ required: true }),
    owner: t.field({ type: OwnerInput, required: true, description: 'One that the token serves.' }),
    agent: t.string(),
    entries: t.field({ type: [AppliedEntryInput], required: true, description: 'All that the session has or had withdrawn; at most 500.' }),
    cursor: t.field({ type: 'Cursor' }),
  }),
})
const ReportWorkerStatusInput = builder.inputType('ReportWorkerStatusInput', {
  fields: (t) => ({
    workerId: t.id({ required: true, description: 'Belongs to the token that first used it, until that token ends.' }),
    processId: t.id({ required: true }),
    number: t.int({ required: true, description: 'Rises by one with each report of a process.' }),
    full: t.boolean({ required: true, description: 'Replaces everything known of this worker; else only the named sessions. The first of a process is full.' }),
    sessions: t.field({ type: [WorkerSessionInput], required: true, description: 'At most 2,000, which is also what a worker may have in all. None: still here.' }),
    closedSessions: t.idList({ description: 'Not to be known any more.' }),
  }),
})
const ReportWorkerStatusPayload = builder.objectRef<{ accepted: boolean }>('ReportWorkerStatusPayload').implement({
  fields: (t) => ({ accepted: t.exposeBoolean('accepted', { description: 'false: it is old, or one before it is missing. Send a full one with the next number.' }) }),
})

builder.queryFields((t) => ({
  workers: t.field({
    type: [WorkerType],
    description: 'By id. Admins see all; others those with a session of theirs or of a team of theirs.',
    resolve: (_, __, context) => workers(callerOf(context)),
  }),
  convergence: t.field({
    type: ConvergenceType,
    description: 'How many workers have a change. With an entry: its last change, by the sessions that it reaches or that report it.',
    args: { entryId: t.arg.id() },
    resolve: async (_, { entryId }, context) => ({ ...await convergence(callerOf(context), entryId ?? null), entryId: entryId ?? null }),
  }),
}))

builder.mutationField('reportWorkerStatus', (t) => t.field({
  type: ReportWorkerStatusPayload,
  description: 'For workers: what their sessions have applied. State, no change: it draws no sequence.',
  args: { input: t.arg({ type: ReportWorkerStatusInput, required: true }) },
  resolve: (_, { input }, context) => reportWorkerStatus(callerOf(context), input),
}))
