import { type AgentDefinition } from '../core/agent.js'
import { refusalOf } from './refusal.js'
import { policiesOf } from './team-policies.js'
import { type CatalogView, type ViewAgent, type ViewEntry, type ViewMcpServer } from './view.js'

/** Whom a session runs, and what stands beside the catalog on its worker. */
export interface SessionScope {
  /** Name of the agent that the session runs; null: none. */
  agent: string | null
  /** SET: every server of the set. AGENT: those the agent names, and the default ones if it inherits them. */
  grants: 'SET' | 'AGENT'
  /** The agent's own grants when it comes from the static layer; they count unless a catalog agent takes its place. */
  staticAgent: Pick<AgentDefinition, 'mcpServers' | 'inheritDefaultMcpServers'> | null
  /** `nameKey`s that catalog entries may not take on this worker. */
  protectedKeys: ReadonlySet<string>
  /** Those of them that they may if the policy lists the name: a static entry has exactly that name, and no other is too like it. */
  overridableKeys: ReadonlySet<string>
  /** Names of static servers that this session has, so that agents which name them lack nothing. */
  staticServerNames: ReadonlySet<string>
  /** The one entry that it is for, whatever else the set has. Left out: all of the set. */
  onlyEntryId?: string
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
  /** It takes the place of a static server that the session has, and so no further one. */
  replacesStatic: boolean
}

/**
 * Which entries of the set one session is given, and which of those it may run. Ordered by key, so that the same set
 * gives the same order everywhere.
 * @param boundAgent the catalog's agent whose grants count; default: what the view has under the name
 */
export function grantsOf(view: CatalogView, scope: SessionScope, boundAgent: ViewAgent | null = boundAgentOf(view, scope)): Grant[] {
  const names = grantedServerNames(scope, boundAgent)
  return [...view.entries]
    .filter(([, entry]) => scope.onlyEntryId === undefined || entry.id === scope.onlyEntryId)
    .filter(([, entry]) => entry.kind === 'AGENT' || names === null || isNamed(names, entry))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, entry]) => ({
      key, entry, ...judge(key, entry, view, scope),
      replacesStatic: entry.kind === 'MCP_SERVER' && scope.staticServerNames.has(entry.name) && mayReplace(key, entry, view, scope),
    }))
}

/** Null: every server. An agent that is not there grants nothing, because nobody knows what it would have named. */
function grantedServerNames(scope: SessionScope, bound: ViewAgent | null): { names: ReadonlySet<string>; inheritsDefaults: boolean } | null {
  if (scope.agent === null || scope.grants === 'SET') return null
  const agent = bound?.definition ?? scope.staticAgent
  return { names: new Set(agent?.mcpServers ?? []), inheritsDefaults: agent?.inheritDefaultMcpServers ?? false }
}

/** What the view has under the name of the session's agent; where that one is static, only what may take its place. */
export function boundAgentOf(view: CatalogView, scope: SessionScope): ViewAgent | null {
  const key = `AGENT:${scope.agent}`
  const entry = scope.agent === null ? undefined : view.entries.get(key)
  if (entry?.kind !== 'AGENT') return null
  return scope.staticAgent === null || (mayReplace(key, entry, view, scope) && refusalOf(entry, policiesOf(view, entry)) === null) ? entry : null
}

function isNamed(granted: { names: ReadonlySet<string>; inheritsDefaults: boolean }, server: ViewMcpServer): boolean {
  return granted.names.has(server.name) || (granted.inheritsDefaults && server.definition.default)
}

function judge(key: string, entry: ViewEntry, view: CatalogView, scope: SessionScope): { fate: Fate; note: string | null } {
  const refusal = protectedReason(key, entry, view, scope) ?? refusalOf(entry, policiesOf(view, entry))
  if (refusal !== null) return { fate: { outcome: 'REFUSE', reason: refusal }, note: null }
  if (entry.kind === 'AGENT') return { fate: { outcome: 'RUN' }, note: missingServersNote(entry.definition.mcpServers, view, scope) }
  return { fate: { outcome: 'RUN' }, note: null }
}

function protectedReason(key: string, entry: ViewEntry, view: CatalogView, scope: SessionScope): string | null {
  if (!scope.protectedKeys.has(key) || mayReplace(key, entry, view, scope)) return null
  return 'The name belongs to the static configuration of this worker.'
}

/** A policy that cannot be read lists nothing. */
function mayReplace(key: string, { name }: ViewEntry, { policy }: CatalogView, { overridableKeys }: SessionScope): boolean {
  return overridableKeys.has(key) && policy.document?.static.overridable.includes(name) === true
}

/** An agent runs without the servers that its owner does not have; that is said, and is no error (S12). */
export function missingServersNote(names: readonly string[], view: CatalogView, { staticServerNames }: SessionScope): string | null {
  const missing = names.filter((name) => !staticServerNames.has(name) && !view.entries.has(`MCP_SERVER:${name}`))
  return missing.length === 0 ? null : `Runs without ${missing.join(', ')}: there is no MCP server of that name for this owner.`
}
