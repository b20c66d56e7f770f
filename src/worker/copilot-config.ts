import { type ResumeSessionConfig, type SessionConfig } from '@github/copilot-sdk'
import { type CopilotSetup } from './copilot-client.js'

/** What of the host's configuration is replaced by the adapter's own composition. */
export type OwnParts = Pick<SessionConfig, 'hooks' | 'onPermissionRequest' | 'onEvent'>

/** For the first moment of the session, whether it is new or resumed cold. `agent` is selected if the setup has it. */
export function firstConfig(host: SessionConfig, own: OwnParts, setup: CopilotSetup, agent: string | null): SessionConfig {
  const selected = host.agent ?? (setup.agents.some(({ name }) => name === agent) ? agent : null)
  return { ...whole(host, own, setup), ...(selected !== null && { agent: selected }) }
}

/**
 * For a resident resume. Everything is supplied again, because what is left out of hooks and handlers would be removed; but
 * not what only a new session has, and not `agent`, which would undo the host's later selection.
 */
export function residentConfig(host: SessionConfig, own: OwnParts, setup: CopilotSetup): ResumeSessionConfig {
  const { sessionId: _sessionId, cloud: _cloud, agent: _agent, ...kept } = whole(host, own, setup)
  return { ...kept, suppressResumeEvent: true }
}

/** The lists are given even when they are empty: left out, they would mean "as it is". */
function whole(host: SessionConfig, own: OwnParts, { mcpServers, agents }: CopilotSetup): SessionConfig {
  return {
    ...host, ...own,
    mcpServers: { ...host.mcpServers, ...mcpServers },
    customAgents: [...host.customAgents ?? [], ...agents],
  }
}

/** What must be done about the runtime's selected agent. */
export type Reselection = { do: 'NOTHING' | 'DESELECT' } | { do: 'SELECT'; name: string }

/**
 * The runtime keeps the selected agent as it was when that agent changes or goes, so it has to be told.
 * @param selected the agent that is selected now; null: none
 * @param bound the agent that the session is for: it is selected when it comes, unless another one is
 */
export function reselection(selected: string | null, bound: string | null, before: CopilotSetup, after: CopilotSetup): Reselection {
  const find = ({ agents }: CopilotSetup, name: string | null) => agents.find((agent) => agent.name === name)
  if (selected === null) {
    const arrives = find(before, bound) === undefined && find(after, bound) !== undefined
    return arrives ? { do: 'SELECT', name: bound! } : { do: 'NOTHING' }
  }
  const [was, is] = [find(before, selected), find(after, selected)]
  if (was === undefined && is === undefined) return { do: 'NOTHING' }
  if (is === undefined) return { do: 'DESELECT' }
  return JSON.stringify(was) === JSON.stringify(is) ? { do: 'NOTHING' } : { do: 'SELECT', name: selected }
}
