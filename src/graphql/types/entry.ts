import { applyMoments, entryStatuses, isMcpServer, type JudgedEntry, statusReason, visibilities } from '../../core/entry.js'
import { approvalOf } from '../../catalog/approval.js'
import { visibleEntry } from '../../catalog/authorize.js'
import { entryHistory, type EntryRevision } from '../../catalog/list.js'

import { builder } from '../builder.js'
import { connectionOf, pageArgs, pageByNumber } from '../connection.js'
import { callerOf } from '../context.js'
import { ApprovalType } from './approval.js'
import { NodeInterface, OwnerType, PrincipalType } from './owner.js'
import { VerdictType } from './policy.js'

export const VisibilityEnum = builder.enumType('Visibility', { values: visibilities })
export const EntryKindEnum = builder.enumType('EntryKind', { values: ['MCP_SERVER', 'AGENT'] as const })
export const EntryStatusEnum = builder.enumType('EntryStatus', { values: entryStatuses })
export const RevocationModeEnum = builder.enumType('RevocationMode', {
  values: {
    DRAIN: { description: 'No new calls; calls in flight may finish until the deadline.' },
    IMMEDIATE: { description: 'Calls in flight fail now.' },
  } as const,
})
export const ApplyMomentEnum = builder.enumType('ApplyMoment', { values: applyMoments })

/** Implemented by McpServer and Agent. */
export const CatalogEntryInterface = builder.interfaceRef<JudgedEntry>('CatalogEntry').implement({
  interfaces: [NodeInterface],
  resolveType: (entry) => (isMcpServer(entry) ? 'McpServer' : 'Agent'),
  fields: (t) => ({
    kind: t.expose('kind', { type: EntryKindEnum }),
    name: t.exposeString('name'),
    owner: t.field({ type: OwnerType, resolve: ({ owner }) => owner }),
    visibility: t.expose('visibility', { type: VisibilityEnum }),
    audience: t.field({ type: [OwnerType], description: 'Whom a SHARED entry is shared with; everybody it reaches can read this.', resolve: ({ audience }) => audience }),
    enabled: t.exposeBoolean('enabled'),
    locked: t.exposeBoolean('locked', { description: 'While it exists, no narrower owner\'s entry takes its name.' }),
    status: t.expose('status', { type: EntryStatusEnum }),
    statusReason: t.string({ nullable: true, resolve: statusReason }),
    revision: t.exposeInt('revision'),
    digest: t.exposeString('digest', { description: 'sha-256 of the canonical definition.' }),
    apply: t.expose('apply', { type: ApplyMomentEnum }),
    verdict: t.field({ type: VerdictType, resolve: ({ verdict }) => verdict }),
    approval: t.field({
      type: ApprovalType, nullable: true, description: 'The request for, or the decision on, its definition as it is. null: it needed none.', resolve: approvalOf,
    }),
    createdAt: t.field({ type: 'DateTime', resolve: ({ createdAt }) => createdAt }),
    updatedAt: t.field({ type: 'DateTime', resolve: ({ updatedAt }) => updatedAt }),
    updatedBy: t.field({ type: PrincipalType, resolve: ({ updatedBy }) => updatedBy }),
  }),
})

builder.objectField(ApprovalType, 'entry', (t) => t.field({
  type: CatalogEntryInterface, nullable: true, description: 'As it is now; null when it is gone.',
  resolve: ({ id, entryId }, _, { index, caller }) => {
    const entry = index.state.entries.get(entryId) ?? null
    // What it became since was not put before anybody: looking at it is looking into somebody's entries.
    return caller === null || entry?.approval?.id === id ? entry : visibleEntry(caller, entryId)
  },
}))

const EntryRevisionType = builder.objectRef<EntryRevision>('EntryRevision').implement({
  fields: (t) => ({
    revision: t.exposeInt('revision'),
    name: t.exposeString('name'),
    definition: t.field({ type: 'JSON', resolve: ({ definition }) => definition }),
    digest: t.exposeString('digest'),
    changedBy: t.field({ type: PrincipalType, resolve: ({ changedBy }) => changedBy }),
    at: t.field({ type: 'DateTime', resolve: ({ at }) => at }),
  }),
})

const EntryRevisionConnection = connectionOf('EntryRevision', EntryRevisionType)

builder.queryField('entryHistory', (t) => t.field({
  type: EntryRevisionConnection,
  description: 'Every revision, newest first.',
  args: { id: t.arg.id({ required: true }), ...pageArgs(t.arg) },
  resolve: (_, { id, ...page }, context) => pageByNumber(
    (before, limit) => entryHistory(callerOf(context), id, before, limit), ({ revision }) => revision, page,
  ),
}))
