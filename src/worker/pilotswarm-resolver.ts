import { type SessionAgent } from './adapter.js'
import { messageOf } from './errors.js'
import { type CatalogWorker, type WorkerSession } from './index.js'
import { type SessionOwner } from './pilotswarm-owner.js'
import { type CopilotConfig, createPilotSwarmSession, type PilotSwarmSession } from './pilotswarm-session.js'
import { tellEach } from './tell-each.js'

/** One session of PilotSwarm, as it is when a turn of it begins. */
export interface SessionPrincipal {
  sessionId: string
  /** Whom it acts for: its owner, whoever sends the message. */
  owner: SessionOwner
  /** The agent that it is bound to; null: none. */
  agent: string | null
  /** Whether that agent is one of PilotSwarm's own, which the catalog grants everything of the owner's; else it is looked for in the catalog. */
  isHostAgent: boolean
  /** Names of PilotSwarm's own MCP servers, and of those of its agents that the owner may run: the owner's entries cannot take them. */
  hostServers: readonly string[]
  hostAgents: readonly string[]
}

/** What the catalog has for one session, kept current until the session is released. */
export interface SessionCapabilities {
  /**
   * The same for as long as a warm session has everything that it should by itself. One that was configured with another one (or
   * with none) has to be dropped, so that it is resumed with `configure`.
   */
  digest: string
  /** For a cold creation or resume, and for nothing else: adds to PilotSwarm's configuration; see PilotSwarmSession. */
  configure: <Config extends CopilotConfig>(config: Config) => Config
  /** Agents of the catalog that the session's owner may run, each with its prompt. */
  agents: () => SessionAgent[]
  /** Takes the session's address out of what the runtime says. */
  redact: (text: string) => string
}

/** What PilotSwarm would take as one option: asked as every turn begins, told when a session is not warm any more. */
export interface CapabilityResolver {
  /**
   * Null: the catalog has nothing to say (the owner cannot be served, the worker was closed); the session starts without it, and
   * the next turn asks again. Never rejects.
   */
  resolve: (principal: SessionPrincipal) => Promise<SessionCapabilities | null>
  /** Ends what the session has: connections, processes, its address. Resolves when nothing of it is left; never rejects. */
  release: (sessionId: string) => Promise<void>
  /** The catalog's session behind a warm one, with what it has and why; null: it has nothing of the catalog. */
  session: (sessionId: string) => Omit<WorkerSession, 'close'> | null
  /** Told when `agents` of a session may answer something else. Returns what ends it. */
  onAgents: (listener: (sessionId: string) => void) => () => void
}

export interface ResolverOptions {
  /** Without a static layer: PilotSwarm has its own. */
  catalog: CatalogWorker
  /**
   * Milliseconds that a session which starts waits for the catalog. One that is away keeps nothing from starting: the session goes
   * without, and gets everything when the catalog is back, in mid-turn too. Default 3,000.
   */
  patienceMs?: number
  /** Told what happens, one line each, without secrets. Default: silence. */
  log?: (message: string) => void
}

interface Place {
  principal: SessionPrincipal
  side: PilotSwarmSession
  session: WorkerSession
  capabilities: SessionCapabilities
}

/** @throws TypeError when the catalog's worker has a static layer, which would run everything twice */
export function createResolver({ catalog, patienceMs = 3000, log: told }: ResolverOptions): CapabilityResolver {
  const { mcpServers, agents: staticAgents } = catalog.static
  if (mcpServers.size + staticAgents.length > 0) throw new TypeError('catalog: its `static` option has to be left out; PilotSwarm loads plugins and .mcp.json itself.')
  const log = (message: string) => tellEach(told === undefined ? [] : [told], `pilotswarm: ${message}`)
  const places = new Map<string, Place>()
  const listeners = new Set<(sessionId: string) => void>()
  const queues = new Map<string, Promise<unknown>>()
  let opened = 0

  const open = async (principal: SessionPrincipal): Promise<SessionCapabilities | null> => {
    const { sessionId: id, owner: { provider, subject }, agent, isHostAgent, hostServers, hostAgents } = principal
    const side = createPilotSwarmSession({
      hostServers, hostAgents, hostAgent: isHostAgent ? agent : null, log, onAgents: () => tellEach(listeners, id),
    })
    try {
      const session = await catalog.openSession({
        id, owner: { kind: 'USER', provider, subject }, agent: isHostAgent ? null : agent, adapter: side, waitForCatalog: patienceMs,
      })
      const { configure, agents, redact } = side
      opened += 1
      const capabilities = { digest: String(opened), configure, agents, redact }
      places.set(id, { principal, side, session, capabilities })
      return capabilities
    } catch (error) {
      log(`the session ${id} of ${provider} ${subject} has nothing of the catalog: ${messageOf(error)}`)
      return null
    }
  }
  const close = async (id: string): Promise<void> => {
    const place = places.get(id)
    places.delete(id)
    await place?.session.close().catch((error: unknown) => log(`the session ${id} was left with a rest: ${messageOf(error)}`))
  }
  // One after the other, because two sessions of one id cannot be open, and an id may come back before its last session has ended.
  const inTurn = <Result>(id: string, step: () => Promise<Result>): Promise<Result> => {
    const result = (queues.get(id) ?? Promise.resolve()).then(step)
    queues.set(id, result)
    void result.finally(() => { if (queues.get(id) === result) queues.delete(id) })
    return result
  }
  return {
    resolve: (principal) => inTurn(principal.sessionId, async () => {
      const place = places.get(principal.sessionId)
      if (place !== undefined && place.side.endpoint() !== null && isSame(place.principal, principal)) return place.capabilities
      await close(principal.sessionId)
      return open(principal)
    }),
    release: (sessionId) => inTurn(sessionId, () => close(sessionId)),
    session: (sessionId) => places.get(sessionId)?.session ?? null,
    onAgents: (listener) => {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
  }
}

/** Names of the host's may change while the session lives; then it keeps those that it began with. */
function isSame(a: SessionPrincipal, b: SessionPrincipal): boolean {
  const keyOf = ({ owner: { provider, subject }, agent, isHostAgent }: SessionPrincipal) => JSON.stringify([provider, subject, agent, isHostAgent])
  return keyOf(a) === keyOf(b)
}
