import { type SessionConfig, type SessionEventHandler } from '@github/copilot-sdk'
import { type AdapterContext, type CatalogAdapter, type HostEntry, type SessionAgent, type SessionItem, type SessionRelay, type SessionServer } from './adapter.js'
import { agentTools } from './copilot-agents.js'
import { type CopilotEvents, createCopilotEvents } from './copilot-events.js'
import { composeHooks, composePermissions } from './copilot-hooks.js'
import { type CopilotNames, namesOfOne } from './copilot-names.js'
import { contestedNotes, type CopilotOffer, judgeTool, offeredTools, surroundingsOf } from './copilot-offer.js'
import { tellEach } from './tell-each.js'

/** What of the configuration of a Copilot session is read and added to; a new one's and a resumed one's are alike in it. */
export type CopilotConfig = Pick<SessionConfig, 'mcpServers' | 'tools' | 'hooks' | 'onPermissionRequest' | 'onEvent'>

export interface PilotSwarmSessionOptions {
  /** PilotSwarm's own MCP servers and agents whose names the owner's entries may not take. */
  hostServers: readonly string[]
  hostAgents: readonly string[]
  /** The agent of PilotSwarm that the session is bound to; null: none, or one of the catalog. */
  hostAgent: string | null
  /** Told after every change of `agents`. */
  onAgents: () => void
  log: (message: string) => void
}

/** The catalog's side of one session of PilotSwarm, whose Copilot session is PilotSwarm's to make, resume and end. */
export interface PilotSwarmSession extends CatalogAdapter {
  /** The address of everything that the session has; null before it is open and after it was closed. */
  endpoint: () => string | null
  /**
   * Adds to a configuration that PilotSwarm creates or resumes with: the MCP server `catalog`, the check before every call, and
   * an ear for turns. Everything that is there stays. Where PilotSwarm has servers or tools of such names itself, nothing is added.
   */
  configure: <Config extends CopilotConfig>(config: Config) => Config
  /** The catalog's agents that the owner may run. */
  agents: () => SessionAgent[]
  /** What the runtime says, without the address: whoever knows that may call the session's tools. */
  redact: (text: string) => string
}

/** An adapter's memory. */
interface Desk extends PilotSwarmSessionOptions {
  context: AdapterContext | null
  relay: SessionRelay | null
  isClosed: boolean
  servers: Map<string, SessionServer>
  agents: Map<string, SessionAgent>
  /** What the runtime was given last; null: nothing of the catalog. */
  offer: CopilotOffer | null
  /** Why `offer` is null although there was something to give. */
  trouble: string | null
  events: CopilotEvents | null
  serversInSession: ReadonlySet<string>
}

const ended = new Error('The Copilot session was replaced.')

export function createPilotSwarmSession(options: PilotSwarmSessionOptions): PilotSwarmSession {
  const desk: Desk = {
    ...options, context: null, relay: null, isClosed: false, servers: new Map(), agents: new Map(), offer: null, trouble: null, events: null, serversInSession: new Set(),
  }
  const { servers, agents } = desk
  return {
    endpoint: () => (desk.isClosed ? null : desk.relay?.url ?? null),
    configure: (config) => configure(desk, config),
    agents: () => [...agents.values()].sort(byOrder),
    redact: (text) => (desk.relay === null ? text : text.replaceAll(new URL(desk.relay.url).pathname.slice(1), '[redacted]')),
    open: async (context) => {
      desk.context = context
      desk.relay = await context.openRelay()
      for (const server of servers.values()) desk.relay.load(server)
    },
    close: async () => {
      desk.isClosed = true
      desk.events?.close(ended)
      agents.clear()
      options.onAgents()
      await desk.relay?.close()
    },
    load: async (item) => {
      if (item.kind === 'MCP_SERVER') {
        servers.set(item.name, item)
        desk.relay?.load(item)
      } else {
        agents.set(item.name, item)
        options.onAgents()
      }
    },
    unload: async (kind, name) => {
      if (kind === 'MCP_SERVER') {
        servers.delete(name)
        desk.relay?.unload(name)
      } else if (agents.delete(name)) options.onAgents()
    },
    list: () => {
      const reasonOf = reasonsOf(desk)
      return [...servers.values(), ...agents.values()].sort(byOrder).map((item) => {
        const { kind, name, origin, entryId, revision } = item
        return { kind, name, origin, entryId, revision, reason: reasonOf(item) }
      })
    },
    hostEntries: () => hostEntries(desk),
  }
}

function configure<Config extends CopilotConfig>(desk: Desk, config: Config): Config {
  const { relay, servers, log } = desk
  desk.events?.close(ended)
  Object.assign(desk, { events: null, offer: null, trouble: null, serversInSession: new Set(Object.keys(config.mcpServers ?? {})) })
  if (relay === null || desk.isClosed) return config
  let names: CopilotNames
  try {
    names = namesOfOne(config)
  } catch (error) {
    desk.trouble = `The session has nothing of the catalog: ${(error as Error).message}`
    log(desk.trouble)
    return config
  }
  desk.offer = { names, servers, config, builtinTools: [], admits: () => false }
  const events = desk.events = createCopilotEvents({ began: () => desk.context?.turnBegan(), ended: () => desk.context?.turnEnded() })
  const { onPermissionRequest: permit, onEvent } = config
  const hear: SessionEventHandler = (event) => {
    events.dispatch(event)
    if (onEvent !== undefined) tellEach([onEvent], event)
  }
  return {
    ...config,
    mcpServers: { ...config.mcpServers, ...names.mcpServers(relay, [], []) },
    hooks: composeHooks(config.hooks, (toolName) => judge(desk, toolName)),
    onEvent: hear,
    ...(permit !== undefined && { onPermissionRequest: composePermissions(permit, names.isCatalogServer) }),
  }
}

/** The second lock before a call, and the list of tools of the catalog's agent that the session is bound to. */
function judge(desk: Desk, toolName: string): string | null {
  const { offer, context } = desk
  if (offer === null || context === null) return null
  const denial = judgeTool(offer, toolName, context.callRefused)
  const bound = context.agent === null ? undefined : desk.agents.get(context.agent)
  const publicName = offer.names.publicNameOf(toolName)
  if (denial !== null || bound === undefined || publicName === null) return denial
  const { tools } = agentTools(bound.definition, surroundingsOf(offer))
  const { wireName, reference } = offer.names
  const isPicked = offeredTools(offer.servers.values()).some((one) => wireName(one.server.name, one.item.name) === toolName && tools.includes(reference(one)))
  return isPicked ? null : `${toolName} is not a tool that the agent ${bound.name} picks.`
}

function reasonsOf({ relay, offer, trouble }: Desk): (item: SessionItem) => string | null {
  const withheld = relay?.withheld()
  const contested = offer === null ? new Map<string, string>() : contestedNotes(offer)
  return (item) => {
    if (item.kind === 'MCP_SERVER') return trouble ?? withheld?.get(item.name) ?? contested.get(item.name) ?? null
    const { model, skills } = item.definition
    const unused = [...model === null ? [] : ['its model'], ...skills.length === 0 ? [] : ['its skills']]
    return unused.length === 0 ? null : `PilotSwarm runs it without ${unused.join(' and ')}.`
  }
}

function hostEntries({ hostServers, hostAgents, hostAgent, serversInSession }: Desk): HostEntry[] {
  const origin = 'pilotswarm'
  return [
    ...[...new Set([...hostServers, ...serversInSession])].map((name): HostEntry => ({ kind: 'MCP_SERVER', name, origin, isInSession: serversInSession.has(name) })),
    ...[...new Set([...hostAgents, ...hostAgent === null ? [] : [hostAgent]])].map((name): HostEntry => ({ kind: 'AGENT', name, origin, isInSession: name === hostAgent })),
  ]
}

function byOrder(a: SessionItem, b: SessionItem): number {
  return a.order - b.order
}
