import { agentMdText } from '../../core/agent-md-text.js'
import { type AgentEntry, isAgent, type JudgedEntry } from '../../core/entry.js'
import { registerAgent, updateAgent } from '../../catalog/agent.js'
import { visibleEntry } from '../../catalog/authorize.js'
import { listEntries } from '../../catalog/list.js'
import { validateEntry } from '../../catalog/validate.js'
import { builder } from '../builder.js'
import { connectionOf, pageArgs, pageOf } from '../connection.js'
import { callerOf } from '../context.js'
import { ApplyMomentEnum, CatalogEntryInterface, EntryStatusEnum, VisibilityEnum } from './entry.js'
import { NodeInterface, OwnerInput } from './owner.js'
import { VerdictType } from './policy.js'
import { receiptOf, RevocationType } from './revocation.js'

export const AgentType = builder.objectRef<AgentEntry>('Agent').implement({
  interfaces: [CatalogEntryInterface, NodeInterface],
  isTypeOf: (value) => isAgent(value as JudgedEntry),
  fields: (t) => ({
    description: t.string({ resolve: ({ definition }) => definition.description }),
    prompt: t.string({ resolve: ({ definition }) => definition.prompt }),
    tools: t.stringList({ nullable: true, resolve: ({ definition }) => definition.tools }),
    skills: t.stringList({ resolve: ({ definition }) => definition.skills }),
    mcpServers: t.stringList({
      description: 'Names, resolved in the set of whoever runs the agent.', resolve: ({ definition }) => definition.mcpServers,
    }),
    inheritDefaultMcpServers: t.boolean({ resolve: ({ definition }) => definition.inheritDefaultMcpServers }),
    model: t.string({ nullable: true, resolve: ({ definition }) => definition.model }),
    agentMd: t.string({
      description: 'The text of an .agent.md from which importCatalog makes the same agent; it has no place for a model, nor for tools that are none.',
      resolve: ({ name, definition }) => agentMdText({ name, ...definition }).text,
    }),
  }),
})

const AgentDefinitionInput = builder.inputType('AgentDefinitionInput', {
  fields: (t) => ({
    description: t.string(),
    prompt: t.string({ required: true }),
    tools: t.stringList({ description: 'Left out: the runtime decides; []: none.' }),
    skills: t.stringList(),
    mcpServers: t.stringList(),
    inheritDefaultMcpServers: t.boolean(),
    model: t.string(),
  }),
})
const RegisterAgentInput = builder.inputType('RegisterAgentInput', {
  fields: (t) => ({
    owner: t.field({ type: OwnerInput, required: true }),
    name: t.string({ required: true, description: '[a-z0-9][a-z0-9_-]{0,39}, unique for an owner.' }),
    definition: t.field({ type: AgentDefinitionInput, required: true }),
    visibility: t.field({ type: VisibilityEnum, description: 'Default: PRIVATE for users and teams, PUBLIC for the deployment.' }),
    audience: t.field({ type: [OwnerInput] }),
    enabled: t.boolean({ description: 'Default: true.' }),
    locked: t.boolean(),
    apply: t.field({ type: ApplyMomentEnum, description: 'Default: NEXT_TURN.' }),
  }),
})
const UpdateAgentInput = builder.inputType('UpdateAgentInput', {
  description: 'A field that is null or left out stays as it is.',
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedRevision: t.int({ required: true }),
    name: t.string(),
    definition: t.field({ type: AgentDefinitionInput }),
    visibility: t.field({ type: VisibilityEnum }),
    audience: t.field({ type: [OwnerInput] }),
    locked: t.boolean(),
    apply: t.field({ type: ApplyMomentEnum }),
  }),
})
const AgentPayload = builder.objectRef<{ agent: AgentEntry; cursor: string; revocationId: string | null }>('AgentPayload').implement({
  fields: (t) => ({
    agent: t.field({ type: AgentType, resolve: ({ agent }) => agent }),
    cursor: t.expose('cursor', { type: 'Cursor' }),
    revocation: t.field({
      type: RevocationType, nullable: true, description: 'When the change took it from sessions.', resolve: (payload, _, context) => receiptOf(payload, context),
    }),
  }),
})
const AgentConnection = connectionOf('Agent', AgentType)

builder.queryFields((t) => ({
  agents: t.field({
    type: AgentConnection,
    description: 'By name: those of an owner, or without one everything that the caller may use.',
    args: { owner: t.arg({ type: OwnerInput }), status: t.arg({ type: EntryStatusEnum }), search: t.arg.string(), ...pageArgs(t.arg) },
    resolve: async (_, { first, after, ...filter }, context) => {
      const entries = await listEntries(callerOf(context), 'AGENT', filter)
      return pageOf(entries.filter(isAgent), ({ name, id }) => `${name} ${id}`, { first, after })
    },
  }),
  agent: t.field({
    type: AgentType,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_, { id }, context) => {
      const entry = await visibleEntry(callerOf(context), id)
      return entry !== null && isAgent(entry) ? entry : null
    },
  }),
  validateAgent: t.field({
    type: VerdictType,
    description: 'The dry run of register; with entryId, of update.',
    args: { input: t.arg({ type: RegisterAgentInput, required: true }), entryId: t.arg.id() },
    resolve: (_, { input, entryId }, context) => validateEntry(callerOf(context), 'AGENT', input, entryId ?? null),
  }),
}))

builder.mutationFields((t) => ({
  registerAgent: t.field({
    type: AgentPayload,
    args: { input: t.arg({ type: RegisterAgentInput, required: true }) },
    resolve: async (_, { input }, context) => {
      const { result, cursor } = await registerAgent(callerOf(context), input)
      return { agent: result as AgentEntry, cursor, revocationId: null }
    },
  }),
  updateAgent: t.field({
    type: AgentPayload,
    args: { input: t.arg({ type: UpdateAgentInput, required: true }) },
    resolve: async (_, { input }, context) => {
      const { result, cursor } = await updateAgent(callerOf(context), input)
      return { agent: result.entry as AgentEntry, cursor, revocationId: result.revocationId }
    },
  }),
}))
