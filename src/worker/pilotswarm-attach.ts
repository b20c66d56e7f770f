import { type CopilotHandle } from './copilot-client.js'
import { messageOf } from './errors.js'
import { namesOfHost, writeAgents } from './pilotswarm-agents.js'
import { ownerOfSession } from './pilotswarm-owner.js'
import { type CapabilityResolver, type SessionCapabilities, type SessionPrincipal } from './pilotswarm-resolver.js'
import { type CopilotConfig } from './pilotswarm-session.js'
import { asPilotSwarmWorker, type PilotSwarmClient, type PilotSwarmSessions, type PilotSwarmWorker } from './pilotswarm-worker.js'
import { tellEach } from './tell-each.js'

/** One session of PilotSwarm, from the begin of a turn on until it is not warm any more. */
interface Seat {
  /** `getOrCreate`s under way. */
  calls: number
  /** As of the last turn; null: it has no owner. */
  principal: SessionPrincipal | null
  capabilities: SessionCapabilities | null
  /** The Copilot session of the moment, and what it was configured with; null: none that was made here. */
  live: { handle: CopilotHandle; digest: string | null } | null
}

/** An attachment's memory. */
interface Desk {
  worker: PilotSwarmWorker
  resolver: CapabilityResolver
  log: (message: string) => void
  seats: Map<string, Seat>
  isClosed: boolean
}

/**
 * Makes a PilotSwarm of today ask a resolver, which takes no such option: each `getOrCreate` asks it first, and what the client
 * creates or resumes within is configured by it. The session manager's own two methods stay and are called; nothing else of
 * PilotSwarm is replaced, and its configuration is not changed but for the catalog's agents in its lookup of prompts.
 * @returns what puts everything back and releases every session; warm ones go on without the catalog
 * @throws TypeError when it is no PilotSwarm worker as they are known, or is attached already
 */
export function attachResolver(pilotSwarm: object, resolver: CapabilityResolver, log: (message: string) => void = () => {}): () => Promise<void> {
  const worker = asPilotSwarmWorker(pilotSwarm)
  const { sessionManager } = worker
  if (attached.has(sessionManager)) throw new TypeError('The worker is attached to a catalog already; close that binding first.')
  attached.add(sessionManager)
  const desk: Desk = { worker, resolver, seats: new Map(), isClosed: false, log: (message) => tellEach([log], `pilotswarm: ${message}`) }
  const unlisten = resolver.onAgents(() => writePrompts(desk))
  const { getOrCreate, ensureClient } = sessionManager
  const putBack = [
    replace(sessionManager, 'getOrCreate', (...args) => {
      const [id, config, options] = args
      const original = () => getOrCreate.apply(sessionManager, args)
      return desk.isClosed ? original() : enter(desk, id, config.boundAgentName ?? null, options?.lockHeld === true, original)
    }),
    replace(sessionManager, 'ensureClient', async (...args) => {
      const client = await ensureClient.apply(sessionManager, args)
      return desk.isClosed ? client : configuring(desk, client)
    }),
  ]
  const close = async () => {
    desk.isClosed = true
    for (const undo of putBack) undo()
    attached.delete(sessionManager)
    const ids = [...desk.seats.keys()]
    desk.seats.clear()
    await Promise.all(ids.map((id) => resolver.release(id)))
    unlisten()
    writePrompts(desk)
  }
  let closing: Promise<void> | null = null
  return () => closing ??= close()
}

/** Session managers, because two wrappers would each put back what the other had put in its place. */
const attached = new WeakSet<PilotSwarmSessions>()

function replace<Name extends 'getOrCreate' | 'ensureClient'>(target: PilotSwarmSessions, name: Name, method: PilotSwarmSessions[Name]): () => void {
  const own = Object.getOwnPropertyDescriptor(target, name)
  target[name] = method
  return () => {
    // Somebody's wrapper around it stays, and reaches PilotSwarm's own through it.
    if (target[name] !== method) return
    if (own === undefined) delete (target as Partial<PilotSwarmSessions>)[name]
    else Object.defineProperty(target, name, own)
  }
}

async function enter(desk: Desk, id: string, agent: string | null, lockHeld: boolean, original: () => Promise<unknown>): Promise<unknown> {
  const { seats, worker: { sessionManager } } = desk
  releaseCold(desk)
  const seat = seats.get(id) ?? { calls: 0, principal: null, capabilities: null, live: null }
  seats.set(id, seat)
  seat.calls += 1
  try {
    await ask(desk, seat, id, agent)
    const isOutdated = (seat.live?.digest ?? null) !== (seat.capabilities?.digest ?? null)
    if (isOutdated && sessionManager.get(id) != null) await sessionManager.invalidateWarmSession(id, { lockHeld })
    return await original()
  } finally {
    seat.calls -= 1
    await leaveIfEmpty(desk, id, seat)
  }
}

/** Whatever goes wrong in it, PilotSwarm's session starts, without the catalog. */
async function ask(desk: Desk, seat: Seat, id: string, agent: string | null): Promise<void> {
  const { resolver, seats, log } = desk
  try {
    // A CMS that is away for a moment makes nobody else of the owner of a session that goes on.
    const principal = seat.principal = await principalOf(desk, id, agent).catch((error: unknown) => {
      log(`the owner of the session ${id} is not known anew: ${messageOf(error)}`)
      return seat.principal?.agent === agent ? seat.principal : null
    })
    if (principal === null && seat.capabilities !== null) await resolver.release(id)
    seat.capabilities = principal === null ? null : await resolver.resolve(principal)
    if (seats.get(id) !== seat) throw new Error('the binding was closed')
    writePrompts(desk)
  } catch (error) {
    log(`the session ${id} has nothing of the catalog: ${messageOf(error)}`)
    seat.capabilities = null
    await resolver.release(id)
  }
}

async function principalOf({ worker }: Desk, sessionId: string, agent: string | null): Promise<SessionPrincipal | null> {
  const { catalog, loadedMcpServers, sessionManager: { workerDefaults: { agentPromptLookup = {} } } } = worker
  const owner = catalog === null ? null : await ownerOfSession((id) => catalog.getSession(id), sessionId)
  if (owner === null) return null
  const hostAgents = namesOfHost(agentPromptLookup, owner)
  return {
    sessionId, owner, agent, isHostAgent: agent !== null && hostAgents.has(agent), hostServers: Object.keys(loadedMcpServers), hostAgents: [...hostAgents],
  }
}

function writePrompts({ worker, seats }: Desk): void {
  const { agentPromptLookup } = worker.sessionManager.workerDefaults
  if (agentPromptLookup === undefined) return
  writeAgents(agentPromptLookup, [...seats.values()].flatMap(({ principal, capabilities }) => (
    principal === null || capabilities === null ? [] : [{ owner: principal.owner, agents: capabilities.agents() }])))
}

/** PilotSwarm's client, except that what it makes within a `getOrCreate` is configured by the resolver. */
function configuring(desk: Desk, client: PilotSwarmClient): PilotSwarmClient {
  const own: Partial<Record<string | symbol, unknown>> = {
    createSession: ((config) => make(desk, config.sessionId ?? '', config, (whole) => client.createSession(whole))) satisfies PilotSwarmClient['createSession'],
    resumeSession: ((id, config) => make(desk, id, config, (whole) => client.resumeSession(id, whole))) satisfies PilotSwarmClient['resumeSession'],
  }
  return new Proxy(client, {
    get: (target, key) => {
      if (Object.hasOwn(own, key)) return own[key]
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

async function make<Config extends CopilotConfig>(desk: Desk, id: string, config: Config, create: (config: Config) => Promise<CopilotHandle>): Promise<CopilotHandle> {
  const seat = desk.seats.get(id)
  // PilotSwarm also resumes a session to disconnect it; that one gets its own tools alone.
  if (seat === undefined || seat.calls === 0) return create(config)
  const { capabilities } = seat
  const handle = await create(capabilities?.configure(config) ?? config).catch((error: unknown) => {
    throw capabilities === null ? error : withoutAddress(error, capabilities.redact)
  })
  seat.live = { handle, digest: capabilities?.digest ?? null }
  // However PilotSwarm lets go of a warm session (destroyed, dehydrated, evicted, bound to another model, shut down), it comes by here.
  const disconnect = handle.disconnect.bind(handle)
  handle.disconnect = async () => {
    try {
      await disconnect()
    } finally {
      if (seat.live?.handle === handle) seat.live = null
      await leaveIfEmpty(desk, id, seat)
    }
  }
  return handle
}

/** The error itself where it does not tell the address; else one that tells the same, for PilotSwarm decides by name, code and message. */
function withoutAddress(error: unknown, redact: (text: string) => string): unknown {
  const said = messageOf(error)
  const message = redact(said)
  if (message === said) return error
  const { name = 'Error', code } = error as { name?: string; code?: unknown }
  return Object.assign(new Error(message), { name }, code === undefined ? {} : { code })
}

/** Releases sessions that PilotSwarm let go of without a disconnect, as it may when their client is gone. No turn waits for that. */
function releaseCold(desk: Desk): void {
  for (const [id, seat] of desk.seats) {
    if (seat.calls > 0 || seat.live === null || desk.worker.sessionManager.get(id) != null) continue
    seat.live = null
    void leaveIfEmpty(desk, id, seat)
  }
}

async function leaveIfEmpty({ seats, resolver }: Desk, id: string, seat: Seat): Promise<void> {
  if (seat.calls > 0 || seat.live !== null || seats.get(id) !== seat) return
  seats.delete(id)
  await resolver.release(id)
}
