import { CatalogRequestError } from '../client/index.js'
import { type CatalogAdapter } from './adapter.js'
import { type Clock } from './clock.js'
import { type Connector } from './connector.js'
import { hasReached } from './follower.js'
import { definitionOfStatic, targetOfStatic } from './from-static.js'
import { grantsOf, missingServersNote, type SessionScope } from './grants.js'
import { type OwnerFeed } from './owner-feed.js'
import { type Action, maxMcpServersPerSession, reconcile } from './reconcile.js'
import { type Relay, relayForSession } from './relay.js'
import { createRunner, type Runner } from './runner.js'
import { type Aim, type Body, type EffectiveEntry } from './slot.js'
import { type StaticAgent } from './static-agents.js'
import { staticGrants, type StaticLayer } from './static-layer.js'
import { type StaticServer } from './static-mcp.js'
import { toolPrefix } from './tool-name.js'
import { type AppliedEvent, type CatalogView, removalKey, type ViewEntry } from './view.js'

export interface SessionOptions {
  id: string
  agent: string | null
  /** Null: the default, SET without an agent and AGENT with one. */
  grants: 'SET' | 'AGENT' | null
  adapter: CatalogAdapter
  feed: OwnerFeed
  layer: StaticLayer
  connector: Connector
  relay: Relay
  clock: Clock
  /** What static stdio servers inherit. */
  env: Record<string, string>
  log: (message: string) => void
}

/** What one agent session has of the catalog and of the static layer, kept current until it closes. */
export interface WorkerSession {
  readonly id: string
  /** What it has now, static entries first, then in the order in which they came; what is still ending last. */
  readonly effective: EffectiveEntry[]
  /**
   * Resolves when everything up to that cursor (of a mutation's payload) is applied here, is refused or has failed to
   * start; calls that a DRAIN lets finish are not waited for. The cursor may still be on its way.
   * @throws CatalogRequestError when the session closes, or its owner cannot be followed any more
   */
  settled: (cursor: string) => Promise<void>
  /** Ends calls in flight, connections and processes; resolves when they are gone. */
  close: () => Promise<void>
}

interface Waiter {
  cursor: string
  resolve: () => void
  reject: (error: Error) => void
}

/** A session's memory. */
interface Sitting extends SessionOptions {
  runner: Runner
  scope: SessionScope
  maxMcpServers: number
  view: CatalogView | null
  /** Everything up to it has been decided on. */
  heard: string | null
  waiters: Set<Waiter>
  isClosed: boolean
}

/** Opens it with the static servers and whatever the feed holds already; starts are under way when this returns. */
export function createSession(options: SessionOptions): WorkerSession & { started: () => Promise<void> } {
  const { id, feed, clock, adapter, connector, log } = options
  // Within this turn: whoever loses the session right away still finds the adapter opened, and closes it.
  const relay = relayForSession(options.relay)
  const opened = adapter.open?.({ sessionId: id, agent: options.agent, openRelay: relay.open }) ?? Promise.resolve()
  opened.catch(() => {})
  const servers = staticGrants(options.layer, options.agent ?? undefined, options.grants ?? 'AGENT')
  const session: Sitting = {
    ...options, runner: createRunner({ adapter, opened, connector, clock, isTrusted: feed.isTrusted, log }),
    scope: scopeOf(options, new Set(servers.keys())), maxMcpServers: Math.max(0, maxMcpServersPerSession - servers.size),
    view: null, heard: null, waiters: new Set(), isClosed: false,
  }
  startStatic(session, [...servers.values()])
  const view = feed.view()
  if (view !== null) change(session, { view, removals: [] })
  const unlisten = feed.listen({
    onChange: (applied) => change(session, applied),
    onCursor: (cursor) => hear(session, cursor),
    onFailClosed: (reason, position) => failClosed(session, reason, position),
    onEnd: (error) => rejectAll(session, error),
  })
  let closing: Promise<void> | null = null
  const close = async () => {
    session.isClosed = true
    unlisten()
    rejectAll(session, closedError(id))
    await session.runner.close()
    try {
      await adapter.close?.()
    } finally {
      await relay.close()
    }
  }
  return {
    id,
    get effective() { return effectiveOf(session) },
    started: async () => {
      await opened
      await session.runner.settled(null)
      await adapter.ready?.()
    },
    settled: (cursor) => settled(session, cursor),
    close: () => closing ??= close(),
  }
}

function scopeOf({ agent, grants, layer }: SessionOptions, staticServerNames: ReadonlySet<string>): SessionScope {
  const bound = agent === null ? undefined : layer.agents.find(({ name }) => name === agent)
  return {
    agent, grants: grants ?? (agent === null ? 'SET' : 'AGENT'),
    staticAgent: bound === undefined ? null : definitionOfStatic(bound),
    protectedKeys: new Set([
      // Also under the name that its tools would have: "My.Tools" and "my-tools" are not to be told apart (S18).
      ...[...layer.mcpServers.keys()].flatMap((name) => [name, toolPrefix(name).toLowerCase()]).map((name) => `MCP_SERVER:${name}`),
      ...layer.agents.map(({ name }) => `AGENT:${name}`),
    ]),
    staticServerNames,
  }
}

function startStatic({ layer, runner, env }: Sitting, servers: StaticServer[]): void {
  for (const server of servers) {
    const aim = staticAim('MCP_SERVER', server)
    const read = targetOfStatic(server)
    if ('problem' in read) runner.refuse(aim, 'FAIL', read.problem)
    // As today, a static server sees the worker's environment with its own variables over it.
    else runner.start(aim, { kind: 'MCP_SERVER', description: '', target: read.target, baseEnv: env })
  }
  const agents = new Map<string, StaticAgent>()
  // Of two copies the first one's prompt counts, as in the layer.
  for (const agent of layer.agents) if (!agents.has(agent.name)) agents.set(agent.name, agent)
  for (const agent of agents.values()) runner.start(staticAim('AGENT', agent), { kind: 'AGENT', definition: definitionOfStatic(agent) })
}

function staticAim(kind: Aim['kind'], { name, origin }: { name: string; origin: string }): Aim {
  return { key: `static ${kind}:${name}`, kind, name, origin, entryId: null, revision: null, digest: '', note: null, position: null }
}

/** Runs within the frame that brought the change: when it returns, the gates of what was removed are closed. */
function change(session: Sitting, { view, removals }: AppliedEvent): void {
  session.view = view
  const actions = reconcile({
    grants: grantsOf(view, session.scope), loaded: session.runner.loaded(),
    removals: new Map(removals.map((removal) => [removalKey(removal.key, removal.id), removal])),
    position: view.position, maxMcpServers: session.maxMcpServers, viewKeys: new Set(view.entries.keys()),
  })
  for (const action of actions) perform(session.runner, action)
  hear(session, view.cursor)
}

function perform(runner: Runner, action: Action): void {
  switch (action.type) {
    case 'UNLOAD': {
      const { key, mode, deadlineSeconds, reason, position } = action
      return runner.stop(key, { mode, deadlineSeconds, reason }, position)
    }
    case 'REFUSE': return runner.refuse(aimOf(action, null), action.keepsLastGood ? 'FAIL' : 'REFUSE', action.reason)
    case 'RELABEL': return runner.relabel(aimOf(action, action.note), bodyOf(action.entry))
    case 'LOAD':
    case 'REPLACE': return runner.start(aimOf(action, action.note), bodyOf(action.entry))
  }
}

function aimOf({ key, position, entry }: { key: string; position: number; entry: ViewEntry }, note: string | null): Aim {
  const { kind, name, id, revision, digest } = entry
  return { key, kind, name, origin: 'catalog', entryId: id, revision, digest, note, position }
}

function bodyOf(entry: ViewEntry): Body {
  if (entry.kind === 'AGENT') return { kind: 'AGENT', definition: entry.definition }
  const { description, transport, tools, timeoutMs } = entry.definition
  return { kind: 'MCP_SERVER', description, target: { transport, tools, timeoutMs }, baseEnv: {} }
}

function failClosed(session: Sitting, reason: string, position: number): void {
  session.view = null
  session.heard = null
  for (const key of session.runner.loaded().keys()) {
    session.runner.stop(key, { mode: 'IMMEDIATE', deadlineSeconds: 0, reason }, position)
  }
}

function hear(session: Sitting, cursor: string): void {
  session.heard = cursor
  for (const waiter of [...session.waiters]) {
    if (!hasReached(cursor, waiter.cursor)) continue
    session.waiters.delete(waiter)
    session.runner.settled(session.view?.position ?? 0).then(waiter.resolve, waiter.reject)
  }
}

function settled(session: Sitting, cursor: string): Promise<void> {
  const ended = session.isClosed ? closedError(session.id) : session.feed.ended()
  if (ended !== null) return Promise.reject(ended)
  if (hasReached(session.heard, cursor)) return session.runner.settled(session.view?.position ?? 0)
  return new Promise((resolve, reject) => session.waiters.add({ cursor, resolve, reject }))
}

function closedError(id: string): CatalogRequestError {
  return new CatalogRequestError(`The session ${id} was closed.`, 'CLOSED')
}

function rejectAll({ waiters }: Sitting, error: Error): void {
  for (const { reject } of waiters) reject(error)
  waiters.clear()
}

function effectiveOf({ runner, scope, view, agent }: Sitting): EffectiveEntry[] {
  const rows = runner.rows().map((row) => {
    // What a static agent lacks changes with the catalog, so it is worked out when somebody asks.
    if (row.kind !== 'AGENT' || row.entryId !== null || row.name !== agent || scope.staticAgent === null || view === null) return row
    return { ...row, reason: row.reason ?? missingServersNote(scope.staticAgent.mcpServers, view, scope) }
  })
  const isBoundAgentThere = agent === null || rows.some(({ kind, name }) => kind === 'AGENT' && name === agent)
  return isBoundAgentThere ? rows : [...rows, {
    kind: 'AGENT', name: agent, origin: 'catalog', entryId: null, revision: null, state: 'FAILED',
    reason: 'There is no agent of that name for this owner, so nothing is granted through it.',
  }]
}

