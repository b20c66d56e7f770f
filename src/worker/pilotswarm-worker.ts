import { type ResumeSessionConfig, type SessionConfig } from '@github/copilot-sdk'
import { type CopilotHandle } from './copilot-client.js'
import { type PromptLookup } from './pilotswarm-agents.js'
import { type SessionRow } from './pilotswarm-owner.js'

/** What is used of the `CopilotClient` that PilotSwarm makes. */
export interface PilotSwarmClient {
  createSession: (config: SessionConfig) => Promise<CopilotHandle>
  resumeSession: (sessionId: string, config: ResumeSessionConfig) => Promise<CopilotHandle>
}

/** What is used of PilotSwarm's configuration of a session, the one that travels through its orchestration. */
export interface PilotSwarmSessionConfig {
  /** The agent that the session is bound to. */
  boundAgentName?: string | null
}

export interface GetOrCreateOptions {
  /** The caller is within the session's run-turn lock, so nobody else may wait for that. */
  lockHeld?: boolean
}

/**
 * What is used of PilotSwarm's `SessionManager` (packages/sdk/src/session-manager.ts in 0.5.42). The first three are methods
 * of its prototype; the two marked private in TypeScript can be reached all the same, and may be renamed by any release.
 */
export interface PilotSwarmSessions {
  /** Public. Called at the begin of every turn, and again to recover within one; makes, resumes or finds the session. */
  getOrCreate: (sessionId: string, config: PilotSwarmSessionConfig, options?: GetOrCreateOptions) => Promise<unknown>
  /** Public. The warm session, or null. */
  get: (sessionId: string) => unknown
  /** Public. Disconnects a warm session, so that the next `getOrCreate` resumes it; what is on disk stays. */
  invalidateWarmSession: (sessionId: string, options?: { lockHeld?: boolean }) => Promise<void>
  /** Private. The client that `getOrCreate` creates and resumes with; there is one for each GitHub token. */
  ensureClient: (token?: string) => Promise<PilotSwarmClient>
  /** Private, like the worker's `_agentPromptLookup`, which is this very object: prompts by agent, looked up in every turn. */
  workerDefaults: { agentPromptLookup?: PromptLookup }
}

/** What is used of a `PilotSwarmWorker` (packages/sdk/src/worker.ts in 0.5.42). */
export interface PilotSwarmWorker {
  /** Private, made in the constructor. */
  sessionManager: PilotSwarmSessions
  /** Public getter: the CMS; null before `start()` and after `stop()`. */
  readonly catalog: { getSession: (sessionId: string) => Promise<SessionRow | null> } | null
  /** Public getter: every MCP server of the static configuration and of the installed packages; always the same object. */
  readonly loadedMcpServers: Record<string, unknown>
}

const methods = ['getOrCreate', 'get', 'invalidateWarmSession', 'ensureClient'] as const

/**
 * @param worker a `PilotSwarmWorker`; TypeScript hides its private fields, so it comes as any object
 * @throws TypeError naming the member that this PilotSwarm does not have
 */
export function asPilotSwarmWorker(worker: object): PilotSwarmWorker {
  const candidate = worker as Partial<PilotSwarmWorker>
  const lacks = (member: string, kind: string) => new TypeError(
    `The worker has no ${member}, ${kind}: this PilotSwarm is not one of those that the binding knows (0.5.42). Give it a worker that is, or use the resolver.`)
  const { sessionManager, loadedMcpServers } = candidate
  if (typeof sessionManager !== 'object' || sessionManager === null) throw lacks('sessionManager', 'an object')
  for (const name of methods) if (typeof sessionManager[name] !== 'function') throw lacks(`sessionManager.${name}`, 'a method')
  if (typeof sessionManager.workerDefaults !== 'object' || sessionManager.workerDefaults === null) throw lacks('sessionManager.workerDefaults', 'an object')
  if (typeof loadedMcpServers !== 'object' || loadedMcpServers === null) throw lacks('loadedMcpServers', 'an object')
  if (!('catalog' in candidate)) throw lacks('catalog', 'a getter')
  return candidate as PilotSwarmWorker
}
