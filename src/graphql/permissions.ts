import { type GraphQLObjectType, type GraphQLSchema, isObjectType } from 'graphql'
import { type CalledField } from '../core/audit-words.js'
import { CatalogError, forbidden } from '../core/errors.js'
import { actorOf, type CatalogContext } from '../catalog/context.js'
import { type GraphQLContext } from './context.js'
import { allow, deny, rule, type ShieldRule, shield } from './shield.js'

/**
 * The coarse half of permission: may this kind of caller come near? Exactly who may do what to which owner is
 * core/access.ts. Every root field has a row; what has none is denied.
 * `no_cache`: rights end in the middle of a socket's life, so nothing is remembered from one call to the next.
 */
function callers(name: string, ...kinds: Array<'USER' | 'WORKER'>): ShieldRule {
  return rule(name, { cache: 'no_cache' })(async (_parent: unknown, _args: unknown, { caller }: GraphQLContext, info: RootField) => {
    if (caller === null) return new CatalogError('UNAUTHENTICATED', 'An access token is needed.', { field: 'authorization', mend: 'Send it as a bearer token.' })
    // Nodes behave as one: whoever reads sees what was committed before on any of them, their own writes and lost rights included.
    // A mutation finds out under the lock.
    const unreadable = info.operation.operation === 'mutation' ? null : await caller.refresh().then(() => null, (error: unknown) => error as Error)
    if (unreadable !== null) return unreadable
    // A rule that throws is answered as FORBIDDEN; a token that has just ended must be told so.
    const { principal } = callerNow(caller)
    if (principal instanceof Error) return principal
    if (kinds.includes(principal.kind)) return true
    await caller.accessLog.record({ actor: actorOf(principal), action: info.fieldName as CalledField, outcome: 'DENIED', target: principal.id })
    return principal.kind === 'WORKER'
      ? forbidden(info.fieldName, 'A worker may read effective sets, lease secrets and report its status, and never change the catalog.', 'Use a personal token.')
      : forbidden(info.fieldName, 'Workers alone report what they run, lease secrets and take probes.', 'Use a worker token.')
  })
}

interface RootField {
  fieldName: string
  operation: { operation: 'query' | 'mutation' | 'subscription' }
}

function callerNow(caller: CatalogContext): { principal: CatalogContext['principal'] | Error } {
  try {
    return { principal: caller.principal }
  } catch (error) {
    return { principal: error as Error }
  }
}

const people = callers('people', 'USER')
const machines = callers('machines', 'WORKER')
const everybody = callers('everybody', 'USER', 'WORKER')

export const rootPermissions: Record<'Query' | 'Mutation' | 'Subscription', Record<string, ShieldRule>> = {
  Query: {
    viewer: everybody, node: people,
    mcpServers: people, mcpServer: people, agents: people, agent: people, entryHistory: people,
    effectiveCatalog: everybody, explainAvailability: everybody,
    policy: people, simulatePolicy: people, teams: people, users: people, accessTokens: people, auditEvents: people, auditTargets: people, auditChains: people,
    policyHistory: people, consoleSessions: people,
    workers: people, convergence: people, revocation: people, revocations: people, revocationImpact: people, entrySessions: people,
    approval: people, approvals: people, validateMcpServer: people, validateAgent: people,
    secrets: people, secretBindings: people, toolInventory: people, heldTools: people, probe: people, probes: people,
  },
  Mutation: {
    registerMcpServer: people, updateMcpServer: people, registerAgent: people, updateAgent: people,
    setEntryEnabled: people, rollbackEntry: people, deleteEntry: people, revokeEntry: people, restoreEntry: people, importCatalog: people, setPolicy: people, decideApproval: people,
    putSecret: people, deleteSecret: people, bindSecret: people, acceptTools: people, requestProbe: people,
    createUser: people, setUserRole: people, deactivateUser: people,
    createTeam: people, setTeamMember: people, removeTeamMember: people, deleteTeam: people,
    createAccessToken: people, revokeAccessToken: people, endConsoleSession: people, endOtherConsoleSessions: people,
    reportWorkerStatus: machines, leaseSecrets: machines, reportToolInventory: machines, takeProbe: machines, reportProbe: machines,
  },
  Subscription: { catalogChanged: everybody, deskChanged: people, probeRequested: machines },
}

/** Mutations that workers alone may call. */
export const machineMutations: ReadonlySet<string> = new Set(Object.entries(rootPermissions.Mutation).filter(([, guard]) => guard === machines).map(([name]) => name))

/** Types behind the root: whoever got one by a root field may read all of it. */
export const openTypes = [
  'AcceptToolsPayload', 'AccessToken', 'AccessTokenConnection', 'AccessTokenEdge', 'Agent', 'AgentConnection', 'AgentEdge', 'AgentPayload', 'AppliedEntry',
  'Approval', 'ApprovalConnection', 'ApprovalEdge', 'ApprovalPayload',
  'AuditBreak', 'AuditChain', 'AuditEvent', 'AuditEventConnection', 'AuditEventEdge', 'AuditTarget', 'Availability', 'AvailabilityStep', 'CatalogBookmark', 'CatalogDelta',
  'CatalogSnapshot', 'ConsoleSession', 'ConsoleSessionConnection', 'ConsoleSessionEdge', 'Convergence', 'ConvergenceFailure', 'CreateAccessTokenPayload', 'DeskChange',
  'EffectiveCatalog', 'EffectivePolicy', 'EntryPayload',
  'EntryRevision', 'EntryRevisionConnection', 'EntryRevisionEdge', 'EntrySecretVersion', 'EntryToolPins', 'EntryToolsHeld', 'Finding', 'HeldTool', 'ImportItem',
  'ImportPayload', 'McpServer', 'McpServerConnection', 'McpServerEdge', 'McpServerPayload', 'NameValue', 'Owner', 'PageInfo', 'Policy', 'PolicyEffect',
  'PolicyEffectConnection', 'PolicyEffectEdge', 'PolicyPayload', 'PolicyRevision', 'PolicyRevisionConnection', 'PolicyRevisionEdge', 'Principal', 'Probe', 'ProbeOffer', 'ProbeTask', 'ProbedInventory', 'ProbedTool',
  'RemoteTransport', 'RemovedEntry', 'ReportProbePayload', 'ReportToolInventoryPayload', 'ReportWorkerStatusPayload', 'RequestProbePayload', 'Revocation',
  'RevocationConnection', 'RevocationEdge', 'RevocationPayload', 'RevocationTarget', 'RevocationTargetConnection', 'RevocationTargetEdge', 'Secret',
  'SecretBinding', 'SecretLease', 'SecretPayload', 'SecretReference', 'StdioTransport', 'TakeProbePayload', 'Team', 'TeamMembership', 'TeamPolicy', 'ToolInventory',
  'ToolInventoryConnection', 'ToolInventoryEdge', 'ToolPin', 'ToolSelection', 'User',
  'UserConnection', 'UserEdge', 'Verdict', 'Viewer', 'Worker', 'WorkerSession', 'WorkerSessionConnection', 'WorkerSessionEdge',
]

type Resolver = (parent: unknown, args: unknown, context: unknown, info: unknown) => unknown
type Guard = (resolve: Resolver, parent: unknown, args: unknown, context: unknown, info: unknown) => unknown

/**
 * Applies the table by ourselves: graphql-middleware wraps only `resolve`, so that a field's `subscribe` (which opens the
 * stream) would run unguarded. Both are wrapped here. Open types are left alone: they would pay for a rule on every field.
 */
export function applyPermissions(schema: GraphQLSchema): GraphQLSchema {
  const table = { ...rootPermissions, ...Object.fromEntries(openTypes.map((name) => [name, allow])) }
  const guards = shield(table, { fallbackRule: deny, allowExternalErrors: true, fallbackError: new CatalogError('FORBIDDEN', 'Nobody may use this field.', { field: 'query', mend: 'Leave the field out.' }) })
    .generate(schema)
  const open = new Set(openTypes)
  for (const type of Object.values(schema.getTypeMap())) {
    if (isObjectType(type) && !type.name.startsWith('__') && !open.has(type.name)) guardType(type, guards[type.name])
  }
  return schema
}

function guardType(type: GraphQLObjectType, guards: Record<string, unknown> | undefined): void {
  for (const field of Object.values(type.getFields())) {
    const entry = guards?.[field.name] as Guard | { resolve: Guard } | undefined
    const guard = typeof entry === 'function' ? entry : entry?.resolve
    if (guard === undefined) throw new Error(`no permission row covers ${type.name}.${field.name}`)
    const { resolve, subscribe } = field
    const guarded = (inner: Resolver): Resolver => (parent, args, context, info) => guard(inner, parent, args, context, info)
    // An event's root is rendered without a caller; it was let in when the stream was opened.
    if (subscribe) field.subscribe = guarded(subscribe as Resolver)
    else field.resolve = guarded((resolve ?? ((parent) => (parent as Record<string, unknown>)[field.name])) as Resolver)
  }
}
