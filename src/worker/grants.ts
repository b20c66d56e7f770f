import { type AgentDefinition } from '../core/agent.js'
import { refusalOf } from './refusal.js'
import { type CatalogView, type ViewAgent, type ViewEntry, type ViewMcpServer } from './view.js'

/** Whom a session runs, and what stands beside the catalog on its worker. */
export interface SessionScope {
  /** Name of the agent that the session runs; null: none. */
  agent: string | null
  /** SET: every server of the set. AGENT: those the agent names, and the default ones if it inherits them. */
  grants: 'SET' | 'AGENT'
  /** The agent's own grants when it comes from the static layer, which a catalog agent of its name never replaces. */
  staticAgent: Pick<AgentDefinition, 'mcpServers' | 'inheritDefaultMcpServers'> | null
  /** `nameKey`s that catalog entries may not take on this worker. */
  protectedKeys: ReadonlySet<string>
  /** Names of static servers that this session has, so that agents which name them lack nothing. */
  staticServerNames: ReadonlySet<string>
}

/**
 * What becomes of one entry in one session. REFUSE: it must not run, and an earlier revision of it neither.
 * FAIL: it cannot start as it is; an earlier revision may go on.
 */
export type Fate = { outcome: 'RUN' } | { outcome: 'REFUSE' | 'FAIL'; reason: string }

export interface Grant {
  key: string
  entry: ViewEntry
  fate: Fate
  /** Said of something that runs all the same, e.g. which servers an agent has to do without. */
  note: string | null
}

/**
 * Which entries of the set one session is given, and which of those it may run. Ordered by key, so that the same set
 * gives the same order everywhere.
 * @param boundAgent the catalog's agent whose grants count; default: what the view has under the name
 */
export function grantsOf(view: CatalogView, scope: SessionScope, boundAgent: ViewAgent | null = boundAgentOf(view, scope)): Grant[] {
  const names = grantedServerNames(scope, boundAgent)
  return [...view.entries]
    .filter(([, entry]) => entry.kind === 'AGENT' || names === null || isNamed(names, entry))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, entry]) => ({ key, entry, ...judge(key, entry, view, scope) }))
}

/** Null: every server. An agent that is not there grants nothing, because nobody knows what it would have named. */
function grantedServerNames(scope: SessionScope, bound: ViewAgent | null): { names: ReadonlySet<string>; inheritsDefaults: boolean } | null {
  if (scope.agent === null || scope.grants === 'SET') return null
  const agent = scope.staticAgent ?? bound?.definition
  return { names: new Set(agent?.mcpServers ?? []), inheritsDefaults: agent?.inheritDefaultMcpServers ?? false }
}

/** What the view has under the name of the session's agent. */
export function boundAgentOf(view: CatalogView, { agent }: SessionScope): ViewAgent | null {
  const entry = agent === null ? undefined : view.entries.get(`AGENT:${agent}`)
  return entry?.kind === 'AGENT' ? entry : null
}

function isNamed(granted: { names: ReadonlySet<string>; inheritsDefaults: boolean }, server: ViewMcpServer): boolean {
  return granted.names.has(server.name) || (granted.inheritsDefaults && server.definition.default)
}

function judge(key: string, entry: ViewEntry, view: CatalogView, scope: SessionScope): { fate: Fate; note: string | null } {
  const refusal = protectedReason(key, scope) ?? refusalOf(entry, view.policy)
  if (refusal !== null) return { fate: { outcome: 'REFUSE', reason: refusal }, note: null }
  if (entry.kind === 'AGENT') return { fate: { outcome: 'RUN' }, note: missingServersNote(entry.definition.mcpServers, view, scope) }
  return { fate: { outcome: 'RUN' }, note: null }
}

function protectedReason(key: string, { protectedKeys }: SessionScope): string | null {
  return protectedKeys.has(key) ? 'The name belongs to the static configuration of this worker.' : null
}

/** An agent runs without the servers that its owner does not have; that is said, and is no error (S12). */
export function missingServersNote(names: readonly string[], view: CatalogView, { staticServerNames }: SessionScope): string | null {
  const missing = names.filter((name) => !staticServerNames.has(name) && !view.entries.has(`MCP_SERVER:${name}`))
  return missing.length === 0 ? null : `Runs without ${missing.join(', ')}: there is no MCP server of that name for this owner.`
}
