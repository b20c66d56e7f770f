import { setTimeout as delay } from 'node:timers/promises'
import { type CopilotSession, type SessionConfig } from '@github/copilot-sdk'
import { type RevocationMode } from '../../core/entry.js'
import { type AdapterContext, type CatalogAdapter, type SessionAgent, type SessionItem, type SessionServer } from '../adapter.js'
import { runtimeAgent } from '../copilot-agents.js'
import { type CopilotSessions, type CopilotSetup } from '../copilot-client.js'
import { createCopilotEvents, type CopilotEvents } from '../copilot-events.js'
import { createStableHandle } from '../copilot-handle.js'
import { composeHooks, composePermissions } from '../copilot-hooks.js'
import { type CopilotKeeper, createKeeper } from '../copilot-keeper.js'
import { catalogServer, namesOfOne, namesPerServer } from '../copilot-names.js'
import { builtinToolsOf, judgeTool, offeredTools, surroundingsOf, wireNamesOf } from '../copilot-offer.js'
import { type CopilotState, reasonsOf } from '../copilot-reasons.js'
import { messageOf } from '../errors.js'

export interface CopilotAdapterOptions {
  /** A `CopilotClient` of `@github/copilot-sdk`; the host starts and stops it. */
  client: CopilotSessions
  /**
   * The session as the host wants it: model, provider, tools, hooks, handlers, servers and agents of its own. It is supplied
   * again with every change of an agent.
   */
  config: SessionConfig
  /** True: `config.sessionId` exists already, and its conversation goes on. Default false: a new session. */
  resume?: boolean
  /**
   * `ONE`: the runtime has one server, `catalog`, and tools are `catalog-<server>-<tool>`; servers come and go without a call
   * to the runtime. `PER_SERVER`: it has each server under its own name, tools are `<server>-<tool>`, and every server that
   * comes or goes is a resident resume. Default `ONE`.
   */
  names?: 'ONE' | 'PER_SERVER'
  /** Milliseconds that a change, a message before it goes out, and closing wait for the runtime to answer. Default 10,000. */
  patienceMs?: number
}

/** A live session of the GitHub Copilot SDK. */
export interface CopilotAdapter extends CatalogAdapter {
  /**
   * The session, one object for as long as it is open, whatever becomes of the SDK's own in between. Subscribing is possible
   * at once, everything else when `openSession` has resolved. It cannot be disconnected: closing the worker's session does.
   */
  session: () => CopilotSession
}

const longestTellMs = 1000

/** An adapter's memory. */
interface Desk extends CopilotState {
  client: CopilotSessions
  events: CopilotEvents
  keeper: CopilotKeeper
  context: AdapterContext | null
  servers: Map<string, SessionServer>
  agents: Map<string, SessionAgent>
  unlisten: Map<string, () => void>
  isStarted: boolean
  /** Whether the runtime is connected to the relay's one endpoint, and is told of changes. */
  isTold: boolean
  builtinTools: string[]
  /** A change that waits for its turn takes along whatever is decided until then. */
  waiting: Promise<void> | null
  leftOut: Map<string, string>
}

/**
 * Binds one session of the GitHub Copilot SDK, which it makes when the worker's session opens.
 * @throws TypeError when `config` uses names of the catalog, or `resume` comes without `config.sessionId`
 */
export function copilotAdapter(options: CopilotAdapterOptions): CopilotAdapter {
  const desk = createDesk(options)
  const { servers, agents, keeper, events } = desk
  const handle = createStableHandle({ current: keeper.handle, events, beforeSend: () => follow(desk) })
  return {
    session: () => handle,
    open: async (context) => {
      if (desk.context !== null) throw new Error('A Copilot adapter binds one session; make another one.')
      desk.context = context
      desk.relay = await context.openRelay()
    },
    ready: () => begin(desk),
    load: (item) => (item.kind === 'MCP_SERVER' ? loadServer(desk, item) : loadAgent(desk, item)),
    unload: async (kind, name, mode) => {
      if (kind === 'MCP_SERVER') await unloadServer(desk, name, mode)
      else if (agents.delete(name) && desk.isStarted) await sync(desk)
    },
    list: () => {
      const reasonOf = reasonsOf(desk)
      return [...servers.values(), ...agents.values()].sort(byOrder).map((item) => {
        const { kind, name, origin, entryId, revision } = item
        return { kind, name, origin, entryId, revision, reason: reasonOf(item) }
      })
    },
    close: async () => {
      for (const end of desk.unlisten.values()) end()
      await keeper.close()
      events.close(new Error('The Copilot session was closed.'))
    },
  }
}

function createDesk({ client, config, resume = false, names: naming = 'ONE', patienceMs }: CopilotAdapterOptions): Desk {
  if (resume && config.sessionId === undefined) throw new TypeError('config.sessionId: name the session that is to be resumed.')
  const names = naming === 'ONE' ? namesOfOne(config) : namesPerServer(config)
  const events = createCopilotEvents({ began: () => desk.context?.turnBegan(), ended: () => desk.context?.turnEnded() })
  if (config.onEvent !== undefined) events.on(config.onEvent)
  const { onPermissionRequest: permit } = config
  const own = {
    hooks: composeHooks(config.hooks, (toolName) => judgeTool(desk, toolName, (publicName) => desk.context?.callRefused(publicName))),
    onEvent: events.dispatch,
    ...(permit !== undefined && { onPermissionRequest: composePermissions(permit, names.isCatalogServer) }),
  }
  const keeper = createKeeper({
    client, host: config, own, events, isCold: resume, agent: () => desk.context?.agent ?? null, patienceMs,
    // Whoever knows the relay's path can call the session's tools, and errors quote the address.
    redact: (text) => (desk.relay === null ? text : text.replaceAll(new URL(desk.relay.url).pathname.slice(1), '[redacted]')),
  })
  const desk: Desk = {
    client, config, names, events, keeper, context: null, relay: null, servers: new Map(), agents: new Map(), unlisten: new Map(),
    admits: (serverName, toolName) => keeper.admits(names.ownServer(serverName) ?? '', toolName),
    isStarted: false, isTold: false, builtinTools: [], waiting: null, trouble: null, leftOut: new Map(),
  }
  events.on('session.mcp_servers_loaded', ({ data }) => { desk.isTold ||= data.servers.some(({ name, status }) => name === catalogServer && status === 'connected') })
  return desk
}

/** One agent that the runtime does not take must not keep the session from opening: then they come one by one. */
async function begin(desk: Desk): Promise<void> {
  const { keeper, agents, leftOut } = desk
  const names = [...agents.keys()]
  // Where the client runs already, before the session, so that its agents need no second resume; else after.
  desk.builtinTools = await builtinToolsOf(desk)
  try {
    await keeper.start(setupOf(desk))
  } catch (error) {
    if (names.length === 0) throw error
    for (const name of names) leftOut.set(name, 'It was not taken yet.')
    await keeper.start(setupOf(desk))
    for (const name of names) {
      leftOut.delete(name)
      await keeper.apply(() => setupOf(desk)).catch((failure: unknown) => leftOut.set(name, messageOf(failure)))
    }
  }
  desk.isStarted = true
  if (desk.builtinTools.length === 0) desk.builtinTools = await builtinToolsOf(desk)
  await follow(desk)
}

/**
 * The relay tells the runtime of a change; a message that is sent before it heard would go out with the old tools. It
 * hears within milliseconds, and the wait is bounded, because nothing depends on it but that.
 */
async function untilHeard(desk: Desk, change: () => void): Promise<void> {
  const before = wireNamesOf(desk)
  const told = desk.events.next('mcp.tools.list_changed', ({ data }) => data.serverName === catalogServer)
  change()
  if (desk.isTold && wireNamesOf(desk) !== before) await Promise.race([told.done, delay(longestTellMs, undefined, { ref: false })])
  told.cancel()
}

async function loadServer(desk: Desk, item: SessionServer): Promise<void> {
  const { servers, unlisten, relay, names } = desk
  const refusal = names.admit(item.name)
  if (refusal !== null) throw new Error(refusal)
  unlisten.get(item.name)?.()
  unlisten.set(item.name, item.upstream.onToolsChanged(() => void follow(desk)))
  await untilHeard(desk, () => {
    servers.set(item.name, item)
    relay?.load(item)
  })
  await follow(desk)
}

async function unloadServer(desk: Desk, name: string, mode: RevocationMode): Promise<void> {
  const { servers, unlisten, relay, names, keeper } = desk
  if (!servers.has(name)) return
  unlisten.get(name)?.()
  unlisten.delete(name)
  servers.delete(name)
  relay?.unload(name)
  const ownServer = names.ownServer(name)
  if (ownServer === null) {
    // Behind the one endpoint it is gone by now; that agents still name its tools gives them nothing.
    void follow(desk)
    return
  }
  // A resume without it would cut the calls that may finish. It has no tools any more, and goes before the next message.
  if (mode === 'DRAIN') return
  if (desk.isStarted) await keeper.stopServer(ownServer)
  await follow(desk)
}

async function loadAgent(desk: Desk, item: SessionAgent): Promise<void> {
  const { agents, leftOut, config, isStarted } = desk
  const { name } = item
  if (config.customAgents?.some((agent) => agent.name === name)) throw new Error('The host gave the session an agent of this name, and that one stays.')
  const before = agents.get(name)
  agents.set(name, item)
  leftOut.delete(name)
  if (!isStarted) return
  try {
    await sync(desk)
  } catch (error) {
    if (before === undefined) agents.delete(name)
    else agents.set(name, before)
    throw error
  }
}

/** @throws when the runtime does not take it */
function sync(desk: Desk): Promise<void> {
  return desk.waiting ??= desk.keeper.apply(() => {
    desk.waiting = null
    return setupOf(desk)
  })
}

/** As `sync`, where nobody can be told: what fails is said in the list, and tried again before the next message. */
async function follow(desk: Desk): Promise<void> {
  if (!desk.isStarted) return
  try {
    await sync(desk)
    desk.trouble = null
  } catch (error) {
    desk.trouble = messageOf(error)
  }
}

function setupOf(desk: Desk): CopilotSetup {
  const { names, relay, servers, agents, leftOut } = desk
  const surroundings = surroundingsOf(desk)
    return {
    mcpServers: relay === null ? {} : names.mcpServers(relay, [...servers.values()].sort(byOrder), offeredTools(servers.values())),
    agents: [...agents.values()].filter(({ name }) => !leftOut.has(name)).sort(byOrder)
      .map(({ name, definition }) => runtimeAgent(name, definition, surroundings).config),
  }
}

function byOrder(a: SessionItem, b: SessionItem): number {
  return a.order - b.order
}
