import { type McpServerEntry, type JudgedEntry, isMcpServer } from '../../core/entry.js'
import { toMcpJson } from '../../core/mcp-json.js'
import { type McpTransport, type NameValue, type RemoteTransport, secretReferences, type StdioTransport, type ToolSelection } from '../../core/mcp-server.js'
import { type SecretReference } from '../../core/secret-ref.js'
import { visibleEntry } from '../../catalog/authorize.js'
import { listEntries } from '../../catalog/list.js'
import { registerMcpServer, updateMcpServer } from '../../catalog/mcp-server.js'
import { validateEntry } from '../../catalog/validate.js'
import { builder } from '../builder.js'
import { connectionOf, pageArgs, pageOf } from '../connection.js'
import { callerOf } from '../context.js'
import { ApplyMomentEnum, CatalogEntryInterface, EntryStatusEnum, VisibilityEnum } from './entry.js'
import { OwnerInput, NodeInterface } from './owner.js'
import { VerdictType } from './policy.js'
import { receiptOf, RevocationType } from './revocation.js'

const TransportKindEnum = builder.enumType('TransportKind', { values: ['STDIO', 'HTTP', 'SSE'] as const })
export const SecretReferenceScopeEnum = builder.enumType('SecretReferenceScope', { values: ['OWNER', 'USER'] as const })

const NameValueType = builder.objectRef<NameValue>('NameValue').implement({
  fields: (t) => ({ name: t.exposeString('name'), value: t.exposeString('value') }),
})
const StdioTransportType = builder.objectRef<StdioTransport>('StdioTransport').implement({
  fields: (t) => ({
    command: t.exposeString('command'),
    args: t.exposeStringList('args'),
    env: t.field({ type: [NameValueType], resolve: ({ env }) => env }),
    cwd: t.exposeString('cwd', { nullable: true }),
  }),
})
const RemoteTransportType = builder.objectRef<RemoteTransport>('RemoteTransport').implement({
  fields: (t) => ({
    kind: t.expose('kind', { type: TransportKindEnum }),
    url: t.exposeString('url'),
    headers: t.field({ type: [NameValueType], resolve: ({ headers }) => headers }),
  }),
})
const McpTransportUnion = builder.unionType('McpTransport', {
  types: [StdioTransportType, RemoteTransportType],
  resolveType: (transport: McpTransport) => (transport.kind === 'STDIO' ? 'StdioTransport' : 'RemoteTransport'),
})
const ToolSelectionType = builder.objectRef<ToolSelection>('ToolSelection').implement({
  description: 'Names, with * for any run of characters; exclude wins.',
  fields: (t) => ({ include: t.exposeStringList('include'), exclude: t.exposeStringList('exclude') }),
})
export const SecretReferenceType = builder.objectRef<SecretReference>('SecretReference').implement({
  fields: (t) => ({
    scope: t.expose('scope', { type: SecretReferenceScopeEnum }),
    name: t.exposeString('name'),
    injectionPoint: t.exposeString('injectionPoint', { description: 'header:NAME or env:NAME' }),
  }),
})

export const McpServerType = builder.objectRef<McpServerEntry>('McpServer').implement({
  interfaces: [CatalogEntryInterface, NodeInterface],
  isTypeOf: (value) => isMcpServer(value as JudgedEntry),
  fields: (t) => ({
    description: t.string({ resolve: ({ definition }) => definition.description }),
    transport: t.field({ type: McpTransportUnion, resolve: ({ definition }) => definition.transport }),
    tools: t.field({ type: ToolSelectionType, resolve: ({ definition }) => definition.tools }),
    timeoutMs: t.int({ nullable: true, resolve: ({ definition }) => definition.timeoutMs }),
    default: t.boolean({ resolve: ({ definition }) => definition.default }),
    secretReferences: t.field({ type: [SecretReferenceType], resolve: ({ definition }) => secretReferences(definition) }),
    mcpJson: t.field({
      type: 'JSON', description: 'The entry as one value of an mcpServers map, references unresolved.', resolve: ({ definition }) => toMcpJson(definition),
    }),
  }),
})

const NameValueInput = builder.inputType('NameValueInput', {
  fields: (t) => ({ name: t.string({ required: true }), value: t.string({ required: true }) }),
})
const StdioTransportInput = builder.inputType('StdioTransportInput', {
  fields: (t) => ({
    command: t.string({ required: true }), args: t.stringList(), env: t.field({ type: [NameValueInput] }), cwd: t.string(),
  }),
})
const RemoteTransportInput = builder.inputType('RemoteTransportInput', {
  fields: (t) => ({ url: t.string({ required: true }), headers: t.field({ type: [NameValueInput] }) }),
})
const McpTransportInput = builder.inputType('McpTransportInput', {
  isOneOf: true,
  fields: (t) => ({
    stdio: t.field({ type: StdioTransportInput }), http: t.field({ type: RemoteTransportInput }), sse: t.field({ type: RemoteTransportInput }),
  }),
})
const ToolSelectionInput = builder.inputType('ToolSelectionInput', {
  description: 'Names, with * for any run of characters. include left out means every tool, [] means none; exclude wins.',
  fields: (t) => ({ include: t.stringList(), exclude: t.stringList() }),
})
const McpServerDefinitionInput = builder.inputType('McpServerDefinitionInput', {
  fields: (t) => ({
    description: t.string(),
    transport: t.field({ type: McpTransportInput, required: true }),
    tools: t.field({ type: ToolSelectionInput }),
    timeoutMs: t.int({ description: 'Milliseconds for one tool call, 100 to 3,600,000; default 60,000.' }),
    default: t.boolean({ description: 'Joins the set that agents inherit.' }),
  }),
})
const RegisterMcpServerInput = builder.inputType('RegisterMcpServerInput', {
  fields: (t) => ({
    owner: t.field({ type: OwnerInput, required: true }),
    name: t.string({ required: true, description: '[a-z0-9][a-z0-9_-]{0,39}, unique for an owner.' }),
    definition: t.field({ type: McpServerDefinitionInput, required: true }),
    visibility: t.field({ type: VisibilityEnum, description: 'Default: PRIVATE for users and teams, PUBLIC for the deployment.' }),
    audience: t.field({ type: [OwnerInput] }),
    enabled: t.boolean({ description: 'Default: true.' }),
    locked: t.boolean(),
    apply: t.field({ type: ApplyMomentEnum, description: 'Default: NEXT_TURN.' }),
  }),
})
const UpdateMcpServerInput = builder.inputType('UpdateMcpServerInput', {
  description: 'A field that is null or left out stays as it is.',
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedRevision: t.int({ required: true }),
    name: t.string(),
    definition: t.field({ type: McpServerDefinitionInput }),
    visibility: t.field({ type: VisibilityEnum }),
    audience: t.field({ type: [OwnerInput] }),
    locked: t.boolean(),
    apply: t.field({ type: ApplyMomentEnum }),
  }),
})
const McpServerPayload = builder.objectRef<{ mcpServer: McpServerEntry; cursor: string; revocationId: string | null }>('McpServerPayload').implement({
  fields: (t) => ({
    mcpServer: t.field({ type: McpServerType, resolve: ({ mcpServer }) => mcpServer }),
    cursor: t.expose('cursor', { type: 'Cursor' }),
    revocation: t.field({
      type: RevocationType, nullable: true, description: 'When the change took it from sessions.', resolve: (payload, _, context) => receiptOf(payload, context),
    }),
  }),
})
const McpServerConnection = connectionOf('McpServer', McpServerType)

builder.queryFields((t) => ({
  mcpServers: t.field({
    type: McpServerConnection,
    description: 'By name: those of an owner, or without one everything that the caller may use.',
    args: { owner: t.arg({ type: OwnerInput }), status: t.arg({ type: EntryStatusEnum }), search: t.arg.string(), transport: t.arg({ type: TransportKindEnum }), ...pageArgs(t.arg) },
    resolve: async (_, { first, after, transport, ...filter }, context) => {
      const servers = (await listEntries(callerOf(context), 'MCP_SERVER', filter)).filter(isMcpServer)
      const entries = transport ? servers.filter(({ definition }) => definition.transport.kind === transport) : servers
      return pageOf(entries, ({ name, id }) => `${name} ${id}`, { first, after })
    },
  }),
  mcpServer: t.field({
    type: McpServerType,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_, { id }, context) => {
      const entry = await visibleEntry(callerOf(context), id)
      return entry !== null && isMcpServer(entry) ? entry : null
    },
  }),
  validateMcpServer: t.field({
    type: VerdictType,
    description: 'The dry run of register; with entryId, of update. Also the owner\'s names, what was revoked, and whatever else would refuse it are findings.',
    args: { input: t.arg({ type: RegisterMcpServerInput, required: true }), entryId: t.arg.id() },
    resolve: (_, { input, entryId }, context) => validateEntry(callerOf(context), 'MCP_SERVER', input, entryId ?? null),
  }),
}))

builder.mutationFields((t) => ({
  registerMcpServer: t.field({
    type: McpServerPayload,
    args: { input: t.arg({ type: RegisterMcpServerInput, required: true }) },
    resolve: async (_, { input }, context) => {
      const { result, cursor } = await registerMcpServer(callerOf(context), input)
      return { mcpServer: result as McpServerEntry, cursor, revocationId: null }
    },
  }),
  updateMcpServer: t.field({
    type: McpServerPayload,
    args: { input: t.arg({ type: UpdateMcpServerInput, required: true }) },
    resolve: async (_, { input }, context) => {
      const { result, cursor } = await updateMcpServer(callerOf(context), input)
      return { mcpServer: result.entry as McpServerEntry, cursor, revocationId: result.revocationId }
    },
  }),
}))
