import { type EntryKind } from '../core/entry.js'
import { type CatalogAdapter } from './adapter.js'
import { definitionOfStatic, targetOfStatic } from './from-static.js'
import { type GateEnding } from './gate.js'
import { staticKey } from './give-way.js'
import { type SessionScope } from './grants.js'
import { defaultDrainSeconds } from './reconcile.js'
import { type Runner } from './runner.js'
import { type Aim } from './slot.js'
import { type ServerMap, type StaticAgent } from './static-agents.js'
import { staticGrants, type StaticLayer } from './static-layer.js'
import { type StaticServer } from './static-mcp.js'
import { toolPrefix } from './tool-name.js'
import { type ViewAgent } from './view.js'

/** What stands beside the catalog in one session. */
export function scopeOf(
  { agent, grants, layer, adapter }: { agent: string | null; grants: 'SET' | 'AGENT' | null; layer: StaticLayer; adapter?: Pick<CatalogAdapter, 'hostEntries'> },
  staticServerNames: ReadonlySet<string>,
): SessionScope {
  const bound = agent === null ? undefined : layer.agents.find(({ name }) => name === agent)
  const holders = keyHolders({ serverNames: layer.mcpServers.keys(), agentNames: layer.agents.map(({ name }) => name) })
  const ofHost = adapter?.hostEntries?.() ?? []
  const namesOf = (wanted: EntryKind) => ofHost.filter(({ kind }) => kind === wanted).map(({ name }) => name)
  // Nobody here could take them away, so they never give way.
  const firm = new Set(keyHolders({ serverNames: namesOf('MCP_SERVER'), agentNames: namesOf('AGENT') }).keys())
  const isExact = ([key, names]: [string, Set<string>]) => [...names].every((name) => key.slice(key.indexOf(':') + 1) === name)
  return {
    agent, grants: grants ?? (agent === null ? 'SET' : 'AGENT'),
    staticAgent: bound === undefined ? null : definitionOfStatic(bound),
    protectedKeys: new Set([...holders.keys(), ...firm]),
    overridableKeys: new Set([...holders].filter((holder) => !firm.has(holder[0]) && isExact(holder)).map(([key]) => key)),
    staticServerNames,
  }
}

/** `nameKey`s of catalog entries that one could take for static ones, with the names of those. */
function keyHolders({ serverNames, agentNames }: { serverNames: Iterable<string>; agentNames: Iterable<string> }): Map<string, Set<string>> {
  const holders = new Map<string, Set<string>>()
  const hold = (key: string, name: string) => holders.set(key, (holders.get(key) ?? new Set()).add(name))
  for (const name of serverNames) {
    hold(`MCP_SERVER:${name}`, name)
    // Also under the name that its tools would have: "My.Tools" and "my-tools" are not to be told apart (S18).
    hold(`MCP_SERVER:${toolPrefix(name).toLowerCase()}`, name)
  }
  for (const name of agentNames) hold(`AGENT:${name}`, name)
  return holders
}

/** A session as its static layer concerns it. */
export interface StaticSitting {
  agent: string | null
  grants: 'SET' | 'AGENT' | null
  layer: StaticLayer
  /** What static stdio servers inherit. */
  env: Record<string, string>
  runner: Runner
  scope: SessionScope
  /** Those that it has, one that gave way to the catalog's among them. */
  staticServers: ServerMap
  /** The catalog's agent whose grants count. */
  boundAgent: ViewAgent | null
}

/** As the session opens. */
export function startStatic(session: StaticSitting): void {
  const { runner, layer, staticServers } = session
  startServers(session, staticServers.values(), null)
  const agents = new Map<string, StaticAgent>()
  // Of two copies the first one's prompt counts, as in the layer.
  for (const agent of layer.agents) if (!agents.has(agent.name)) agents.set(agent.name, agent)
  for (const agent of agents.values()) runner.start(staticAim('AGENT', agent, null), { kind: 'AGENT', definition: definitionOfStatic(agent) })
}

/** A static agent's servers go when a catalog agent takes its place, and come back with it. */
export function followBoundAgent(session: StaticSitting, position: number): void {
  const { runner, layer, agent, grants, boundAgent, scope, staticServers: held } = session
  if (scope.staticAgent === null) return
  const wanted = staticGrants(layer, boundAgent === null ? agent ?? undefined : undefined, grants ?? 'AGENT')
  Object.assign(session, { staticServers: wanted, scope: { ...scope, staticServerNames: new Set(wanted.keys()) } })
  for (const server of held.values()) if (!wanted.has(server.name)) runner.stop(staticAim('MCP_SERVER', server, position).key, notGranted, position)
  startServers(session, [...wanted.values()].filter(({ name }) => !held.has(name)), position)
}

const notGranted: GateEnding = { mode: 'DRAIN', deadlineSeconds: defaultDrainSeconds, reason: 'NOT_GRANTED' }

function startServers({ runner, layer, env }: StaticSitting, servers: Iterable<StaticServer>, position: number | null): void {
  for (const server of servers) {
    const aim = staticAim('MCP_SERVER', server, position)
    const read = targetOfStatic(server)
    if ('problem' in read) runner.refuse(aim, 'FAIL', read.problem)
    // As today, a static server sees the worker's environment with its own variables over it.
    else runner.start(aim, { kind: 'MCP_SERVER', description: '', isDefault: layer.defaultMcpServerNames.includes(server.name), target: read.target, baseEnv: env })
  }
}

function staticAim(kind: Aim['kind'], { name, origin }: { name: string; origin: string }, position: number | null): Aim {
  return { key: staticKey(`${kind}:${name}`), kind, name, origin, entryId: null, revision: null, digest: '', secretVersion: null, note: null, position }
}
