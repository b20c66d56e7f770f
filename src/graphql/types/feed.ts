import { removalReasons, type RemovedEntry } from '../../core/effective.js'
import { type Availability, type AvailabilityStep } from '../../core/explain.js'
import { deliveredPolicy } from '../../core/policy-document.js'
import { type TeamPolicy } from '../../core/team-policy.js'
import { effectiveCatalog, type EffectiveCatalog, type EntryDrift, explainAvailability } from '../../catalog/snapshot.js'
import { type CatalogBookmark, type CatalogDelta, type CatalogEvent, type CatalogSnapshot, type EffectivePolicy } from '../../feed/event.js'
import { openCatalogStream } from '../../feed/stream.js'
import { type EntrySecretVersion } from '../../index/secrets.js'
import { builder } from '../builder.js'
import { callerOf } from '../context.js'
import { AgentType } from './agent.js'
import { CatalogEntryInterface, EntryKindEnum, RevocationModeEnum } from './entry.js'
import { McpServerType } from './mcp-server.js'
import { OwnerInput, OwnerType } from './owner.js'
import { EntryToolPinsType } from './tool-pins.js'

const RemovalReasonEnum = builder.enumType('RemovalReason', { values: removalReasons })

const EffectivePolicyType = builder.objectRef<EffectivePolicy>('EffectivePolicy').implement({
  description: 'What a worker enforces for this owner.',
  fields: (t) => ({
    revision: t.exposeInt('revision'),
    document: t.field({ type: 'JSON', resolve: ({ document }) => deliveredPolicy(document) }),
  }),
})
const TeamPolicyType = builder.objectRef<TeamPolicy>('TeamPolicy').implement({
  description: 'What a worker enforces on the entries that the team owns, besides the deployment\'s policy: each of both has to agree.',
  fields: (t) => ({
    teamId: t.exposeID('teamId'),
    revision: t.exposeInt('revision'),
    document: t.field({
      type: 'JSON', description: 'urls, stdio.directories and tools of the team\'s policy; what is left out is as in the deployment\'s.', resolve: ({ document }) => document,
    }),
  }),
})
const EntrySecretVersionType = builder.objectRef<EntrySecretVersion>('EntrySecretVersion').implement({
  description: 'Another number whenever the values that an entry\'s references stand for, or whether they may be filled, changed for this owner.',
  fields: (t) => ({ entryId: t.exposeID('entryId'), version: t.exposeInt('version') }),
})
const RemovedEntryType = builder.objectRef<RemovedEntry>('RemovedEntry').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    kind: t.expose('kind', { type: EntryKindEnum }),
    name: t.exposeString('name'),
    revision: t.exposeInt('revision'),
    reason: t.expose('reason', { type: RemovalReasonEnum }),
    mode: t.expose('mode', { type: RevocationModeEnum }),
    deadlineSeconds: t.exposeInt('deadlineSeconds', { nullable: true }),
  }),
})
const CatalogSnapshotType = builder.objectRef<CatalogSnapshot>('CatalogSnapshot').implement({
  description: 'The whole set at a cursor. Replaces everything: what is absent from it is removed at once.',
  fields: (t) => ({
    cursor: t.expose('cursor', { type: 'Cursor' }),
    trustForSeconds: t.exposeInt('trustForSeconds'),
    policy: t.field({ type: EffectivePolicyType, resolve: ({ policy }) => policy }),
    teamPolicies: t.field({ type: [TeamPolicyType], description: 'Of every team that owns an entry here and has a policy.', resolve: ({ teamPolicies }) => teamPolicies }),
    secretVersions: t.field({
      type: [EntrySecretVersionType], description: 'Of every entry with references to secrets.', resolve: ({ secretVersions }) => secretVersions,
    }),
    toolPins: t.field({ type: [EntryToolPinsType], description: 'Of every entry whose tools are pinned.', resolve: ({ toolPins }) => toolPins }),
    mcpServers: t.field({ type: [McpServerType], resolve: ({ mcpServers }) => mcpServers }),
    agents: t.field({ type: [AgentType], resolve: ({ agents }) => agents }),
  }),
})
const CatalogDeltaType = builder.objectRef<CatalogDelta>('CatalogDelta').implement({
  description: 'What changed since the event before, or since the cursor that was asked for. Removals come first.',
  fields: (t) => ({
    cursor: t.expose('cursor', { type: 'Cursor' }),
    trustForSeconds: t.exposeInt('trustForSeconds'),
    policy: t.field({ type: EffectivePolicyType, nullable: true, description: 'Only when it changed.', resolve: ({ policy }) => policy }),
    teamPolicies: t.field({ type: [TeamPolicyType], description: 'Those that are others now, and those over entries that came.', resolve: ({ teamPolicies }) => teamPolicies }),
    secretVersions: t.field({
      type: [EntrySecretVersionType], description: 'Those that are others now, and those of entries that came.', resolve: ({ secretVersions }) => secretVersions,
    }),
    toolPins: t.field({ type: [EntryToolPinsType], description: 'Those that are others now, and those of entries that came.', resolve: ({ toolPins }) => toolPins }),
    upserted: t.field({ type: [CatalogEntryInterface], resolve: ({ upserted }) => upserted }),
    removed: t.field({ type: [RemovedEntryType], resolve: ({ removed }) => removed }),
  }),
})
const CatalogBookmarkType = builder.objectRef<CatalogBookmark>('CatalogBookmark').implement({
  description: 'Nothing changed up to this cursor.',
  fields: (t) => ({
    cursor: t.expose('cursor', { type: 'Cursor' }),
    trustForSeconds: t.exposeInt('trustForSeconds', {
      description: 'Counted from receipt on the worker\'s monotonic clock; who does not hear from us by then stops catalog entries.',
    }),
  }),
})
const CatalogEventUnion = builder.unionType('CatalogEvent', {
  types: [CatalogSnapshotType, CatalogDeltaType, CatalogBookmarkType],
  resolveType: (event: CatalogEvent) => event.__typename,
})

builder.subscriptionField('catalogChanged', (t) => t.field({
  type: CatalogEventUnion,
  description: 'An owner\'s set as it changes. Without after: a snapshot first. With after: what changed since that cursor.',
  args: { owner: t.arg({ type: OwnerInput, required: true }), after: t.arg({ type: 'Cursor' }) },
  subscribe: (_, { owner, after }, context) => openCatalogStream(callerOf(context), context.hub, owner, after ?? null) as Promise<AsyncIterable<CatalogEvent>>,
  resolve: (event) => event,
}))

const EntryToolsHeldType = builder.objectRef<EntryDrift>('EntryToolsHeld').implement({
  description: 'Tools of an entry that are not as they were accepted: kept from sessions, unless the policy says tools.drift: accept.',
  fields: (t) => ({
    entryId: t.exposeID('entryId'),
    names: t.stringList({ resolve: ({ names }) => names.filter((name) => name !== null) }),
    instructions: t.boolean({ description: 'Whether what the server says of its own use is among it.', resolve: ({ names }) => names.includes(null) }),
  }),
})
const EffectiveCatalogType = builder.objectRef<EffectiveCatalog>('EffectiveCatalog').implement({
  fields: (t) => ({
    owner: t.field({ type: OwnerType, resolve: ({ owner }) => owner }),
    cursor: t.expose('cursor', { type: 'Cursor' }),
    mcpServers: t.field({ type: [McpServerType], resolve: ({ mcpServers }) => mcpServers }),
    agents: t.field({ type: [AgentType], resolve: ({ agents }) => agents }),
    toolsHeld: t.field({
      type: [EntryToolsHeldType], description: 'Of entries that the caller looks after, as their own or as an admin; toolInventory tells more.', resolve: ({ drift }) => drift,
    }),
  }),
})
const AvailabilityStepType = builder.objectRef<AvailabilityStep>('AvailabilityStep').implement({
  fields: (t) => ({ check: t.exposeString('check'), passed: t.exposeBoolean('passed'), reason: t.exposeString('reason') }),
})
const AvailabilityType = builder.objectRef<Availability>('Availability').implement({
  fields: (t) => ({
    available: t.exposeBoolean('available'),
    entry: t.field({ type: CatalogEntryInterface, nullable: true, resolve: ({ entry }) => entry }),
    steps: t.field({ type: [AvailabilityStepType], resolve: ({ steps }) => steps }),
  }),
})

builder.queryFields((t) => ({
  effectiveCatalog: t.field({
    type: EffectiveCatalogType,
    description: 'What a session acting for that owner may get.',
    args: { owner: t.arg({ type: OwnerInput, required: true }) },
    resolve: (_, { owner }, context) => effectiveCatalog(callerOf(context), owner),
  }),
  explainAvailability: t.field({
    type: AvailabilityType,
    description: 'Why an entry of that name is, or is not, in the owner\'s set.',
    args: {
      owner: t.arg({ type: OwnerInput, required: true }), kind: t.arg({ type: EntryKindEnum, required: true }), name: t.arg.string({ required: true }),
    },
    resolve: (_, { owner, kind, name }, context) => explainAvailability(callerOf(context), owner, kind, name),
  }),
}))
