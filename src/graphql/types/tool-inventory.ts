import { acceptTools, heldDiff, heldTools, isNew, toolInventory, type ToolInventoryView } from '../../catalog/tool-inventory.js'
import { reportToolInventory } from '../../catalog/report-tools.js'
import { type HeldTool } from '../../core/tool-inventory.js'
import { type EntryToolPins, isCut, pinLimits } from '../../core/tool-pin.js'
import { builder } from '../builder.js'
import { connectionOf, pageArgs, pageByText } from '../connection.js'
import { callerOf } from '../context.js'
import { CatalogEntryInterface } from './entry.js'
import { OwnerInput, PrincipalType } from './owner.js'
import { EntryToolPinsType } from './tool-pins.js'

const HeldToolType = builder.objectRef<{ tool: HeldTool; inventory: ToolInventoryView }>('HeldTool').implement({
  description: 'A tool whose definition is not the accepted one, as a worker saw it.',
  fields: (t) => ({
    name: t.string({ nullable: true, description: 'null: what the server says of its own use.', resolve: ({ tool }) => tool.name }),
    hash: t.string({ description: 'Of what is held; with it, it is accepted.', resolve: ({ tool }) => tool.hash }),
    isNew: t.boolean({ description: 'Nothing of that name was accepted before.', resolve: ({ tool, inventory }) => isNew(inventory, tool) }),
    isCut: t.boolean({ description: 'Its text is too long to be shown whole, so it cannot be accepted.', resolve: ({ tool }) => isCut(tool.text) }),
    seenAt: t.field({ type: 'DateTime', description: 'For the first time.', resolve: ({ tool }) => tool.seenAt }),
    seenBy: t.field({ type: PrincipalType, resolve: ({ tool }) => tool.seenBy }),
    diff: t.string({
      description: 'Unified text difference to the accepted definition, hidden characters as escapes.',
      resolve: ({ tool, inventory }) => heldDiff(inventory, tool),
    }),
  }),
})
const ToolInventoryType = builder.objectRef<ToolInventoryView>('ToolInventory').implement({
  description: 'What the tools of an entry are held to, and what differs. The first inventory of what the entry runs is accepted as it is.',
  fields: (t) => ({
    entry: t.field({ type: CatalogEntryInterface, resolve: ({ entry }) => entry }),
    digest: t.exposeString('digest', { description: 'Of the entry\'s definition.' }),
    seenAt: t.field({ type: 'DateTime', description: 'When the first inventory came.', resolve: ({ seenAt }) => seenAt }),
    seenBy: t.field({ type: PrincipalType, description: 'Whose it was.', resolve: ({ seenBy }) => seenBy }),
    pins: t.field({
      type: EntryToolPinsType,
      resolve: ({ entryId, digest, version, pinned }): EntryToolPins => ({ entryId, digest, version, tools: pinned }),
    }),
    held: t.field({
      type: [HeldToolType], description: 'What was seen and differs, the newest last: kept from sessions, unless the policy says tools.drift: accept. Empty for whom the entry is only shared with.',
      resolve: (inventory) => inventory.held.map((tool) => ({ tool, inventory })),
    }),
  }),
})
const ToolInventoryConnection = connectionOf('ToolInventory', ToolInventoryType)

const SeenToolInput = builder.inputType('SeenToolInput', {
  fields: (t) => ({
    name: t.string({ description: 'Left out: what the server says of its own use.' }),
    hash: t.string({ required: true, description: 'sha-256 of the canonical definition, in hexadecimal digits.' }),
    text: t.string({ required: true, description: `The definition for people to read, redacted; at most ${pinLimits.textCharacters} characters.` }),
  }),
})
const ReturnedToolInput = builder.inputType('ReturnedToolInput', {
  fields: (t) => ({
    name: t.string({ description: 'Left out: what the server says of its own use.' }),
    hash: t.string({ required: true, description: 'Of what was told to differ.' }),
  }),
})
const ReportToolInventoryInput = builder.inputType('ReportToolInventoryInput', {
  fields: (t) => ({
    entryId: t.id({ required: true }),
    digest: t.string({ required: true, description: 'Of the definition that the worker runs.' }),
    owner: t.field({ type: OwnerInput, required: true, description: 'Of the session; one that the token serves.' }),
    tools: t.field({ type: [SeenToolInput], required: true, description: `All that the definition selects; at most ${pinLimits.tools}.` }),
    returned: t.field({
      type: [ReturnedToolInput],
      description: 'What this worker told to differ before, for that owner, and sees no more: held no longer where tools has what is accepted under the name, or nothing where nothing is. Default: nothing.',
    }),
  }),
})
const AcceptedToolInput = builder.inputType('AcceptedToolInput', {
  fields: (t) => ({
    name: t.string({ description: 'Left out: what the server says of its own use.' }),
    hash: t.string({ required: true, description: 'Of what was looked at: nothing else gets in.' }),
  }),
})
const AcceptToolsInput = builder.inputType('AcceptToolsInput', {
  fields: (t) => ({
    entryId: t.id({ required: true }),
    digest: t.string({ required: true }),
    tools: t.field({ type: [AcceptedToolInput], required: true }),
  }),
})
const ReportToolInventoryPayload = builder.objectRef<{ pins: EntryToolPins }>('ReportToolInventoryPayload').implement({
  fields: (t) => ({ pins: t.field({ type: EntryToolPinsType, resolve: ({ pins }) => pins }) }),
})
const AcceptToolsPayload = builder.objectRef<{ toolInventory: ToolInventoryView; cursor: string }>('AcceptToolsPayload').implement({
  fields: (t) => ({
    toolInventory: t.field({ type: ToolInventoryType, resolve: ({ toolInventory: after }) => after }),
    cursor: t.expose('cursor', { type: 'Cursor' }),
  }),
})

builder.queryFields((t) => ({
  toolInventory: t.field({
    type: ToolInventoryType,
    nullable: true,
    description: 'null: no worker has told yet what tools the definition of now has.',
    args: { entryId: t.arg.id({ required: true }) },
    resolve: (_, { entryId }, context) => toolInventory(callerOf(context), entryId),
  }),
  heldTools: t.field({
    type: ToolInventoryConnection,
    description: 'Inventories with something held: of the caller\'s entries and those of their teams; for admins all.',
    args: pageArgs(t.arg),
    resolve: (_, page, context) => pageByText((after, limit) => heldTools(callerOf(context), after, limit), ({ entryId }) => entryId, page),
  }),
}))

builder.mutationFields((t) => ({
  reportToolInventory: t.field({
    type: ReportToolInventoryPayload,
    description: 'Workers only: what was seen of an entry\'s tools. The first of what the entry runs is what they are held to from then on, over edits that leave its transport as it is; later ones move nothing.',
    args: { input: t.arg({ type: ReportToolInventoryInput, required: true }) },
    resolve: async (_, { input }, context) => ({ pins: await reportToolInventory(callerOf(context), input) }),
  }),
  acceptTools: t.field({
    type: AcceptToolsPayload,
    description: 'Lets in what is held: where the entry needs an approval by its approvers, and by none who made the definition; else by whoever may write it.',
    args: { input: t.arg({ type: AcceptToolsInput, required: true }) },
    resolve: async (_, { input }, context) => {
      const { result, cursor } = await acceptTools(callerOf(context), input)
      return { toolInventory: result, cursor }
    },
  }),
}))
