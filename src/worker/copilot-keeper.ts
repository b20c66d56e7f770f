import { type SessionConfig } from '@github/copilot-sdk'
import { type CopilotHandle, type CopilotSessions, type CopilotSetup } from './copilot-client.js'
import { firstConfig, type OwnParts, reselection, residentConfig } from './copilot-config.js'
import { type CopilotEvents } from './copilot-events.js'
import { agentsOf, proveAgents, proveNoneBlocks, proveServers } from './copilot-proof.js'
import { messageOf } from './errors.js'
import { type Redact } from './redact.js'
import { within } from './within.js'

export interface KeeperOptions {
  client: CopilotSessions
  /** The host's configuration, supplied again with every change. */
  host: SessionConfig
  own: OwnParts
  events: CopilotEvents
  /** The session exists on disk already. */
  isCold: boolean
  /** Name of the agent that the session is for; null: none. */
  agent: () => string | null
  /** Milliseconds that `apply`, `stopServer` and `close` wait for the runtime, each with what is under way before it. Default 10,000. */
  patienceMs?: number
  /** Milliseconds that `start` waits for the runtime, with what is under way before it. Default 30,000. */
  startTimeoutMs?: number
  /** Takes secrets of the setup out of what the runtime says of it. */
  redact: Redact
}

/**
 * Owns one session of the runtime: makes it, and changes what the catalog adds to it by resident resume, one change at a
 * time, because of two at once an arbitrary one would win.
 */
export interface CopilotKeeper {
  /** @throws when there is no session yet, or no more */
  handle: () => CopilotHandle
  /**
   * @throws when the runtime does not take the session or does not answer in time, or the keeper was closed; an earlier
   *   start's session is disconnected, and one that comes too late by the next `start` or `close`
   */
  start: (setup: CopilotSetup) => Promise<void>
  /**
   * Brings the session to what `setup` answers when the change's turn comes. Nothing is done when it has that already.
   * @throws when the runtime does not take it; what `setup` still has of the last good one is in place again then, or with the next change
   */
  apply: (setup: () => CopilotSetup) => Promise<void>
  /** Whether the runtime lets that server have a tool of that name, by the last setup that it is known to have. */
  admits: (serverName: string, toolName: string) => boolean
  /** Ends a server of the runtime at once; the setup has to follow. Resolves when it is gone, or was not there. */
  stopServer: (serverName: string) => Promise<void>
  /** Disconnects; what the runtime keeps on disk stays. Never rejects; a runtime that does not answer is not waited for. */
  close: () => Promise<void>
}

/** A keeper's memory. */
interface Keep extends KeeperOptions {
  /** What the host changed of its configuration on the session itself: supplied again as it was, it would be undone. */
  chosen: Pick<SessionConfig, 'model' | 'reasoningEffort'>
  handle: CopilotHandle | null
  /** What the session is known to have. */
  applied: CopilotSetup
  /** The SDK's object went deaf in a resume that failed, and parts of that setup may be in place. */
  isLost: boolean
  isClosed: boolean
  queue: Promise<unknown>
}

export function createKeeper(options: KeeperOptions): CopilotKeeper {
  const { patienceMs = 10_000, startTimeoutMs = 30_000 } = options
  const patiently = <Result>(work: Promise<Result>, ms = patienceMs) => within(ms, work, `The Copilot runtime did not answer within ${ms} ms.`)
  const redacted = <Result>(work: Promise<Result>) => work.catch((error: unknown) => {
    const [said, message] = [messageOf(error), options.redact(messageOf(error))]
    throw said === message ? error : new Error(message)
  })
  const keep: Keep = {
    ...options, chosen: {}, handle: null, applied: { mcpServers: {}, agents: [] }, isLost: false, isClosed: false, queue: Promise.resolve(),
  }
  options.events.on('session.model_change', ({ data: { newModel, reasoningEffort } }) => {
    keep.chosen = { model: newModel, ...(reasoningEffort != null && { reasoningEffort: reasoningEffort as SessionConfig['reasoningEffort'] }) }
  })
  return {
    handle: () => handleOf(keep),
    start: (setup) => redacted(patiently(enqueue(keep, () => start(keep, setup)), startTimeoutMs)),
    apply: (setup) => redacted(patiently(enqueue(keep, () => change(keep, setup())))),
    admits: (serverName, toolName) => {
      const { tools = [] } = keep.applied.mcpServers[serverName] ?? {}
      return tools.includes('*') || tools.includes(toolName)
    },
    // Not in the queue: whatever a change waits for, this does not.
    stopServer: async (serverName) => { await patiently(Promise.resolve(keep.handle?.rpc.mcp.stopServer({ serverName }))).catch(() => {}) },
    close: async () => {
      keep.isClosed = true
      // The host may have stopped the whole client already.
      await patiently(enqueue(keep, async () => {
        const { handle } = keep
        keep.handle = null
        await handle?.disconnect()
      })).catch(() => {})
    },
  }
}

function enqueue<Result>(keep: Keep, step: () => Promise<Result>): Promise<Result> {
  const result = keep.queue.then(step)
  keep.queue = result.catch(() => {})
  return result
}

function handleOf({ handle, isClosed }: Keep): CopilotHandle {
  if (handle !== null && !isClosed) return handle
  throw isClosed ? closedError() : new Error('The Copilot session is made when openSession resolves.')
}

function closedError(): Error {
  return new Error('The Copilot session was closed.')
}

async function start(keep: Keep, setup: CopilotSetup): Promise<void> {
  const { client, host, own, isCold, agent } = keep
  if (keep.isClosed) throw closedError()
  // Of a start that failed half way.
  await keep.handle?.disconnect().catch(() => {})
  keep.handle = null
  const config = firstConfig(host, own, setup, agent())
  const { sessionId = '', cloud: _cloud, ...rest } = config
  keep.handle = isCold ? await client.resumeSession(sessionId, rest) : await client.createSession(config)
  await proveNoneBlocks(keep.handle)
  const there = await agentsOf(keep.handle)
  // What is missing makes the next `apply` a change.
  keep.applied = { ...setup, agents: setup.agents.filter(({ name }) => there.has(name)) }
}

async function change(keep: Keep, next: CopilotSetup): Promise<void> {
  if (keep.isClosed || (!keep.isLost && isSame(keep.applied, next))) return
  const handle = handleOf(keep)
  const wasLost = keep.isLost
  try {
    const selected = await selectedAgent(handle)
    const then = reselection(selected, keep.agent(), keep.applied, next)
    // Removals first: should the resume fail, it is not selected any more all the same.
    if (then.do === 'DESELECT') await handle.rpc.agent.deselect()
    await resume(keep, next)
    await proveAgents(handleOf(keep), keep.applied, next)
    await proveServers(handleOf(keep), keep.applied, next)
    if (then.do === 'SELECT') await handleOf(keep).rpc.agent.select({ name: then.name })
    keep.applied = next
    keep.isLost = false
  } catch (error) {
    await recover(keep, next)
    throw error
  }
  // The change is made, whatever the runtime answers to that.
  if (wasLost) await endUnheardTurn(keep).catch(() => {})
}

async function selectedAgent(handle: CopilotHandle): Promise<string | null> {
  const { agent } = await handle.rpc.agent.getCurrent()
  return agent?.id ?? null
}

async function resume(keep: Keep, setup: CopilotSetup): Promise<void> {
  keep.handle = await keep.client.resumeSession(handleOf(keep).sessionId, residentConfig({ ...keep.host, ...keep.chosen }, keep.own, setup))
}

/**
 * A resume that failed may have been applied in part, and the SDK has forgotten the session: the last good setup again, but
 * nothing of it that was being withdrawn.
 */
async function recover(keep: Keep, next: CopilotSetup): Promise<void> {
  keep.isLost = true
  if (keep.isClosed) return
  const { mcpServers, agents } = keep.applied
  const wanted = new Set(next.agents.map(({ name }) => name))
  const setup = {
    mcpServers: Object.fromEntries(Object.entries(mcpServers).filter(([name]) => name in next.mcpServers)),
    agents: agents.filter(({ name }) => wanted.has(name)),
  }
  try {
    await resume(keep, setup)
    await proveAgents(handleOf(keep), keep.applied, setup)
    keep.applied = setup
    keep.isLost = false
    await endUnheardTurn(keep)
  } catch {
    // The next change, or the next message, tries again.
  }
}

/** The event that ends a turn may have come while nobody was there to hear it. */
async function endUnheardTurn(keep: Keep): Promise<void> {
  if (!keep.events.isTurnRunning()) return
  const { processing } = await handleOf(keep).rpc.metadata.isProcessing()
  if (!processing) keep.events.endTurn()
}

function isSame(a: CopilotSetup, b: CopilotSetup): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
