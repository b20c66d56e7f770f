import { setTimeout as delay } from 'node:timers/promises'
import { type CopilotHandle, type CopilotSetup } from './copilot-client.js'
import { messageOf } from './errors.js'

const pollMs = 5
/** They are on loopback and answer at once. */
const longestConnectMs = 5000
/** A resume lists what it adds, and drops what it removes, before it answers; this is for runtimes that take a moment. */
const longestListMs = 500

export async function agentsOf(handle: CopilotHandle): Promise<Set<string>> {
  const { agents } = await handle.rpc.agent.list()
  return new Set(agents.map(({ id }) => id))
}

/** The runtime's "ok" says little; its list does. @throws when they differ */
export async function proveAgents(handle: CopilotHandle, before: CopilotSetup, next: CopilotSetup): Promise<void> {
  if (next.agents.length === 0 && before.agents.length === 0) return
  const there = await agentsOf(handle)
  const wanted = new Set(next.agents.map(({ name }) => name))
  const missing = [...wanted].filter((name) => !there.has(name))
  const lingering = before.agents.map(({ name }) => name).filter((name) => there.has(name) && !wanted.has(name))
  if (missing.length > 0) throw new Error(`The Copilot runtime did not take the agents ${missing.join(', ')}.`)
  if (lingering.length > 0) throw new Error(`The Copilot runtime did not let go of the agents ${lingering.join(', ')}.`)
}

/**
 * One malformed entry among a session's servers, the host's included, keeps the runtime from taking any of them, and it
 * answers "ok" all the same; only this question fails then.
 * @throws with the field that it does not take
 */
export async function proveNoneBlocks(handle: CopilotHandle): Promise<void> {
  try {
    await handle.rpc.mcp.list()
  } catch (error) {
    throw new Error(`The Copilot runtime takes none of the session's MCP servers. Mend the entry in config.mcpServers that it names: ${messageOf(error)}`, { cause: error })
  }
}

/**
 * A server that a resume adds connects afterwards, and a request that goes out before would not offer it.
 * @throws when one of them cannot be connected, or one that was removed is still there
 */
export async function proveServers(handle: CopilotHandle, before: CopilotSetup, next: CopilotSetup): Promise<void> {
  const added = Object.keys(next.mcpServers).filter((name) => !(name in before.mcpServers))
  const removed = Object.keys(before.mcpServers).filter((name) => !(name in next.mcpServers))
  const sinceMs = performance.now()
  for (;;) {
    if (added.length === 0 && removed.length === 0) return
    const { servers } = await handle.rpc.mcp.list()
    const statuses = new Map(servers.map(({ name, status }) => [name, status]))
    const failed = added.filter((name) => statuses.get(name) === 'failed')
    if (failed.length > 0) throw new Error(`The Copilot runtime could not connect to ${failed.join(', ')}.`)
    const unlisted = added.filter((name) => !statuses.has(name))
    const connecting = added.filter((name) => statuses.get(name) !== 'connected')
    const lingering = removed.filter((name) => statuses.get(name) === 'connected')
    if (connecting.length === 0 && lingering.length === 0) return
    const passedMs = performance.now() - sinceMs
    if (passedMs > longestListMs && unlisted.length > 0) throw new Error(`The Copilot runtime did not take the MCP servers ${unlisted.join(', ')}.`)
    if (passedMs > longestListMs && lingering.length > 0) throw new Error(`The Copilot runtime did not let go of the MCP servers ${lingering.join(', ')}.`)
    if (passedMs > longestConnectMs) throw new Error(`The Copilot runtime did not connect to ${connecting.join(', ')} within ${longestConnectMs} ms.`)
    await delay(pollMs)
  }
}
