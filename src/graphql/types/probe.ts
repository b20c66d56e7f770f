import { type Probe, type ProbedInventory, type ProbedTool, type ProbeCode, probeMends, type ProbeState, reportedCodes } from '../../core/probe.js'
import { probeById, probesOf, requestProbe } from '../../catalog/probe.js'
import { type ProbeTask, reportProbe, takeProbe } from '../../catalog/run-probe.js'
import { type ProbeOffer } from '../../feed/event.js'
import { builder } from '../builder.js'
import { callerOf } from '../context.js'
import { OwnerInput, OwnerType, PrincipalType } from './owner.js'

const ProbeStateEnum = builder.enumType('ProbeState', {
  values: {
    PENDING: { description: 'No worker has taken it yet.' },
    RUNNING: { description: 'A worker has.' },
    SUCCEEDED: { description: 'It stood; inventory tells what it offers.' },
    FAILED: { description: 'It did not, or was withdrawn meanwhile.' },
    REFUSED: { description: 'Nothing was tried: it is not in the owner\'s set, or nobody is there who could.' },
    EXPIRED: { description: 'Nobody took it, or whoever did has not answered in time.' },
  } satisfies Record<ProbeState, object>,
})
const ProbeCodeEnum = builder.enumType('ProbeCode', {
  values: {
    UNAVAILABLE: { description: 'The entry is not in the owner\'s set; the reason is that of explainAvailability.' },
    NO_WORKER: { description: 'No worker that serves the owner waits for probes.' },
    WITHDRAWN: { description: 'It was withdrawn while it was probed.' },
    WORKER_REFUSED: { description: 'The worker may not run it, e.g. because its own configuration has the name.' },
    NOT_CONNECTED: { description: 'The server did not come up, or its secrets could not be had.' },
    TIMED_OUT: { description: 'The deadline was over first.' },
    SURVIVED: { description: 'Something of it could not be ended.' },
    FAILED: { description: 'The worker could not try.' },
    NOT_TAKEN: { description: 'No worker took it by the deadline.' },
    NO_ANSWER: { description: 'A worker took it and did not answer.' },
  } satisfies Record<ProbeCode, object>,
})
/** What a worker may say. */
const ProbeFailureEnum = builder.enumType('ProbeFailure', { values: reportedCodes })

const ProbedToolType = builder.objectRef<ProbedTool>('ProbedTool').implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    title: t.exposeString('title', { nullable: true }),
    description: t.exposeString('description', { description: 'Hidden characters as escapes; 1,000 characters.' }),
  }),
})
const ProbedInventoryType = builder.objectRef<ProbedInventory>('ProbedInventory').implement({
  description: 'What a session of the owner would be given. Seeing it accepts nothing.',
  fields: (t) => ({
    tools: t.field({ type: [ProbedToolType], description: 'The first 512.', resolve: ({ tools }) => tools }),
    toolCount: t.exposeInt('toolCount'),
    toolsHeld: t.exposeStringList('toolsHeld', { description: 'Withheld: their definitions are not the accepted ones.' }),
    promptCount: t.exposeInt('promptCount', { nullable: true, description: 'null: they could not be listed.' }),
    resourceCount: t.exposeInt('resourceCount', { nullable: true }),
  }),
})
const ProbeType = builder.objectRef<Probe>('Probe').implement({
  description: 'One try of a worker to connect to an entry, as a session of the owner would.',
  fields: (t) => ({
    id: t.exposeID('id'),
    entryId: t.exposeID('entryId'),
    entryName: t.exposeString('entryName', { description: 'As it was then.' }),
    revision: t.exposeInt('revision', { description: 'That was tried; until then that of the request.' }),
    owner: t.field({ type: OwnerType, resolve: ({ owner }) => owner }),
    requestedBy: t.field({ type: PrincipalType, resolve: ({ requestedBy }) => requestedBy }),
    requestedAt: t.field({ type: 'DateTime', resolve: ({ requestedAt }) => requestedAt.toISOString() }),
    deadlineAt: t.field({ type: 'DateTime', description: 'By then the worker ends it; its answer may take ten seconds more.', resolve: ({ deadlineAt }) => deadlineAt.toISOString() }),
    state: t.expose('state', { type: ProbeStateEnum }),
    workerId: t.id({ nullable: true, description: 'Who took it.', resolve: ({ taker }) => taker?.workerId ?? null }),
    code: t.expose('code', { type: ProbeCodeEnum, nullable: true }),
    reason: t.exposeString('reason', { nullable: true, description: 'Holds no secret.' }),
    mend: t.string({ nullable: true, resolve: ({ code }) => code && probeMends[code] }),
    finishedAt: t.field({ type: 'DateTime', nullable: true, resolve: ({ finishedAt }) => finishedAt?.toISOString() ?? null }),
    durationMs: t.int({ nullable: true, description: 'From when a worker took it.', resolve: ({ takenAt, finishedAt }) => takenAt && finishedAt && Math.max(0, finishedAt.getTime() - takenAt.getTime()) }),
    inventory: t.field({ type: ProbedInventoryType, nullable: true, resolve: ({ inventory }) => inventory }),
  }),
})
const ProbeTaskType = builder.objectRef<ProbeTask>('ProbeTask').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    entryId: t.exposeID('entryId'),
    owner: t.field({ type: OwnerType, description: 'Whose session it is: set, policy and leases are those of this owner.', resolve: ({ owner }) => owner }),
    cursor: t.expose('cursor', { type: 'Cursor', description: 'Nothing older than this is tried.' }),
    seconds: t.exposeInt('seconds', { description: 'Until it has to be ended, by the worker\'s own clock.' }),
  }),
})
const ProbeOfferType = builder.objectRef<ProbeOffer>('ProbeOffer').implement({
  description: 'A probe that nobody has taken yet.',
  fields: (t) => ({ id: t.exposeID('id') }),
})

const RequestProbeInput = builder.inputType('RequestProbeInput', {
  fields: (t) => ({
    entryId: t.id({ required: true }),
    owner: t.field({ type: OwnerInput, description: 'Whose session it is to be: the caller (default), a team of theirs; for admins the deployment. Nobody else\'s.' }),
    workerId: t.id({ description: 'The only worker that may take it.' }),
    seconds: t.int({ description: '1 to 120; default 30.' }),
  }),
})
const TakeProbeInput = builder.inputType('TakeProbeInput', {
  fields: (t) => ({ id: t.id({ required: true }), workerId: t.id({ required: true }), processId: t.id({ required: true }) }),
})
const ProbedToolInput = builder.inputType('ProbedToolInput', {
  fields: (t) => ({ name: t.string({ required: true }), title: t.string(), description: t.string() }),
})
const ProbedInventoryInput = builder.inputType('ProbedInventoryInput', {
  fields: (t) => ({
    tools: t.field({ type: [ProbedToolInput], required: true }),
    toolCount: t.int({ required: true }),
    toolsHeld: t.stringList({ required: true }),
    promptCount: t.int(),
    resourceCount: t.int(),
  }),
})
const ReportProbeInput = builder.inputType('ReportProbeInput', {
  fields: (t) => ({
    id: t.id({ required: true }),
    workerId: t.id({ required: true }),
    processId: t.id({ required: true, description: 'Of the process that took it.' }),
    succeeded: t.boolean({ required: true }),
    code: t.field({ type: ProbeFailureEnum }),
    reason: t.string({ description: 'Redacted by the worker; the server takes out what looks like a token, shows hidden characters, and keeps 1,000.' }),
    revision: t.int({ description: 'That was tried.' }),
    inventory: t.field({ type: ProbedInventoryInput }),
  }),
})
const RequestProbePayload = builder.objectRef<{ probe: Probe }>('RequestProbePayload').implement({
  fields: (t) => ({ probe: t.field({ type: ProbeType, resolve: ({ probe }) => probe }) }),
})
const TakeProbePayload = builder.objectRef<{ task: ProbeTask | null }>('TakeProbePayload').implement({
  fields: (t) => ({ task: t.field({ type: ProbeTaskType, nullable: true, description: 'null: it is another worker\'s, or over.', resolve: ({ task }) => task }) }),
})
const ReportProbePayload = builder.objectRef<{ accepted: boolean }>('ReportProbePayload').implement({
  fields: (t) => ({ accepted: t.exposeBoolean('accepted', { description: 'false: it is over already.' }) }),
})

builder.queryFields((t) => ({
  probe: t.field({
    type: ProbeType,
    nullable: true,
    description: 'For those who could have asked for it.',
    args: { id: t.arg.id({ required: true }) },
    resolve: (_, { id }, context) => probeById(callerOf(context), id),
  }),
  probes: t.field({
    type: [ProbeType],
    description: 'The last 20 of an entry and an owner (default: the caller), newest first; none is kept for more than seven days.',
    args: { entryId: t.arg.id({ required: true }), owner: t.arg({ type: OwnerInput }) },
    resolve: (_, { entryId, owner }, context) => probesOf(callerOf(context), entryId, owner ?? null),
  }),
}))

builder.mutationFields((t) => ({
  requestProbe: t.field({
    type: RequestProbePayload,
    description: 'Asks a worker to connect to an MCP server as a session of the owner would, under the same policy, approval and leases, and to tell what it found. Nothing is connected or started by the API.',
    args: { input: t.arg({ type: RequestProbeInput, required: true }) },
    resolve: async (_, { input }, context) => ({ probe: await requestProbe(callerOf(context), input) }),
  }),
  takeProbe: t.field({
    type: TakeProbePayload,
    description: 'Workers only: takes a probe, if nobody else has.',
    args: { input: t.arg({ type: TakeProbeInput, required: true }) },
    resolve: async (_, { input }, context) => ({ task: await takeProbe(callerOf(context), input) }),
  }),
  reportProbe: t.field({
    type: ReportProbePayload,
    description: 'Workers only: what came of a probe, by the process that took it.',
    args: { input: t.arg({ type: ReportProbeInput, required: true }) },
    resolve: async (_, { input }, context) => ({ accepted: await reportProbe(callerOf(context), input) }),
  }),
}))

builder.subscriptionField('probeRequested', (t) => t.field({
  type: ProbeOfferType,
  description: 'Workers only: probes that wait for somebody to take them, for owners that the token serves. Some workers hear of one, and takeProbe decides between them.',
  args: { workerId: t.arg.id({ required: true }) },
  subscribe: (_, { workerId }, context) => context.probes.open(callerOf(context), workerId) as AsyncIterable<ProbeOffer>,
  resolve: (offer) => offer,
}))
