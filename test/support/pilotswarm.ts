import { existsSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CopilotSession, type PermissionRequestResult, type SessionConfig } from '@github/copilot-sdk'
import { type AgentPrompt, type PromptLookup } from '../../src/worker/pilotswarm-agents.js'
import { type SessionRow } from '../../src/worker/pilotswarm-owner.js'
import { type GetOrCreateOptions, type PilotSwarmClient, type PilotSwarmSessionConfig } from '../../src/worker/pilotswarm-worker.js'
import { type ModelStep, type Script } from './copilot-model.js'
import { type CopilotRuntime } from './copilot-runtime.js'

interface Options extends GetOrCreateOptions {
  turnIndex: number
}

/** What PilotSwarm's workers share: the CMS and the durable copies of their sessions. */
export interface SwarmStore {
  rows: Map<string, SessionRow>
  folder: string
  close: () => Promise<void>
}

export async function createSwarmStore(): Promise<SwarmStore> {
  const folder = await mkdtemp(join(tmpdir(), 'pilothouse-swarm-'))
  return { rows: new Map(), folder, close: () => rm(folder, { recursive: true, force: true }) }
}

/** What stands in for `CopilotClient` and a place on disk. */
export interface SwarmRuntime {
  client: PilotSwarmClient
  stateFolder: string
  config: () => SessionConfig
}

/**
 * PilotSwarm's session manager in our own words, as far as the binding meets it: the order of steps in `getOrCreate`, the lock,
 * one configuration for create and resume, owners' copies of agents, and every way in which a warm session ends. A class, because
 * the binding has to find the methods on a prototype.
 */
export class SwarmSessions {
  readonly workerDefaults: { agentPromptLookup: PromptLookup; baseMcpServers: NonNullable<SessionConfig['mcpServers']> } = { agentPromptLookup: {}, baseMcpServers: {} }
  readonly warm = new Map<string, CopilotSession>()
  private readonly locks = new Map<string, Promise<unknown>>()
  private readonly turns = new Map<string, number>()

  constructor(private readonly runtime: SwarmRuntime, private readonly store: SwarmStore) {}

  get(id: string): CopilotSession | null {
    return this.warm.get(id) ?? null
  }

  async ensureClient(): Promise<PilotSwarmClient> {
    return this.runtime.client
  }

  async getOrCreate(id: string, config: PilotSwarmSessionConfig, options: Options): Promise<CopilotSession> {
    return options.lockHeld === true ? this.getOrCreateUnlocked(id, config, options) : this.locked(id, () => this.getOrCreateUnlocked(id, config, options))
  }

  private async getOrCreateUnlocked(id: string, { boundAgentName = null }: PilotSwarmSessionConfig, { turnIndex }: Options): Promise<CopilotSession> {
    const client = await this.ensureClient()
    const { agentPromptLookup, baseMcpServers } = this.workerDefaults
    const whole: SessionConfig = {
      ...this.runtime.config(), sessionId: id, excludedTools: ['task'],
      // Composed anew in each turn, from what the lookup has by then.
      systemMessage: {
        mode: 'customize',
        sections: { last_instructions: { action: async (current) => `${current}\n${boundAgentName === null ? '' : promptFor(agentPromptLookup[boundAgentName], this.store.rows.get(id)) ?? ''}` } },
      },
      onPermissionRequest: (request): PermissionRequestResult => (request.kind === 'mcp'
        ? { kind: 'approve-for-session', approval: { kind: 'mcp', serverName: request.serverName, toolName: request.toolName } } : { kind: 'approve-once' }),
      ...(Object.keys(baseMcpServers).length > 0 && { mcpServers: { ...baseMcpServers } }),
    }
    const existing = this.warm.get(id)
    if (existing !== undefined) return existing
    if (turnIndex > 0 && !existsSync(this.folderOf(id))) await cp(join(this.store.folder, id), this.folderOf(id), { recursive: true })
    const { sessionId: _sessionId, ...rest } = whole
    const made = turnIndex === 0 ? await client.createSession(whole) : await client.resumeSession(id, rest)
    this.warm.set(id, made as CopilotSession)
    return made as CopilotSession
  }

  /** A turn as the `runTurn` activity makes it. */
  async runTurn(id: string, config: PilotSwarmSessionConfig, prompt: string): Promise<void> {
    const turnIndex = this.turns.get(id) ?? (existsSync(join(this.store.folder, id)) ? 1 : 0)
    this.turns.set(id, turnIndex + 1)
    await this.locked(id, async () => {
      const session = await this.getOrCreate(id, config, { turnIndex, lockHeld: true })
      await session.sendAndWait({ prompt })
      // Every turn commits a copy.
      await cp(this.folderOf(id), join(this.store.folder, id), { recursive: true })
    })
  }

  async invalidateWarmSession(id: string, options: GetOrCreateOptions = {}): Promise<void> {
    return options.lockHeld === true ? this.end(id) : this.locked(id, () => this.end(id))
  }

  /** What dehydration, eviction and a drain come to: the session lives on in the store alone. */
  async dehydrate(id: string): Promise<void> {
    await this.locked(id, async () => {
      await this.end(id)
      await rm(this.folderOf(id), { recursive: true, force: true })
    })
  }

  async shutdown(): Promise<void> {
    for (const id of [...this.warm.keys()]) await this.end(id)
  }

  private async end(id: string): Promise<void> {
    await this.warm.get(id)?.disconnect().catch(() => {})
    this.warm.delete(id)
  }

  private folderOf(id: string): string {
    return join(this.runtime.stateFolder, id)
  }

  private locked<Result>(id: string, step: () => Promise<Result>): Promise<Result> {
    const result = (this.locks.get(id) ?? Promise.resolve()).then(step)
    this.locks.set(id, result.catch(() => {}))
    return result
  }
}

/** The owner's own copy, else a public one, and never somebody else's. */
function promptFor(prompt: AgentPrompt | undefined, row: SessionRow | undefined): string | undefined {
  if (prompt === undefined) return undefined
  const copies = prompt.copies ?? [prompt]
  const own = copies.find(({ packageScope, packageOwner }) => (
    packageScope === 'user' && packageOwner?.provider === row?.owner?.provider && packageOwner?.subject === row?.owner?.subject))
  return (own ?? copies.find(({ packageScope }) => packageScope !== 'user'))?.prompt
}

/** A worker of PilotSwarm, as the binding is given it. */
export interface TestSwarm {
  worker: { sessionManager: SwarmSessions; catalog: { getSession: (id: string) => Promise<SessionRow | null> } | null; loadedMcpServers: Record<string, unknown> }
  sessions: SwarmSessions
  /** Plays a turn to its end and tells what the model was offered and what its calls returned. */
  turn: (id: string, steps?: ModelStep[], agent?: string) => Promise<Script>
  /** Resolves when the runtime of a warm session has heard that its tools of the catalog are others. */
  heard: (id: string) => Promise<void>
}

/**
 * @param mcpServers the worker's static servers, which every session has
 * @param given told of every configuration that the runtime gets
 */
export function createSwarm(
  { client, folder, config, model }: CopilotRuntime, store: SwarmStore, mcpServers: NonNullable<SessionConfig['mcpServers']> = {}, given: (config: SessionConfig) => void = () => {},
): TestSwarm {
  const seen = <Config extends SessionConfig>(whole: Config) => {
    given(whole)
    return whole
  }
  const telling: PilotSwarmClient = { createSession: (whole) => client.createSession(seen(whole)), resumeSession: (id, whole) => client.resumeSession(id, seen(whole)) }
  const sessions = new SwarmSessions({ client: telling, config, stateFolder: join(folder, 'copilot', 'session-state') }, store)
  Object.assign(sessions.workerDefaults.baseMcpServers, mcpServers)
  return {
    sessions,
    worker: { sessionManager: sessions, catalog: { getSession: async (id) => store.rows.get(id) ?? null }, loadedMcpServers: mcpServers },
    turn: async (id, steps = [], agent) => {
      const script = model.script(...steps)
      await sessions.runTurn(id, { boundAgentName: agent }, script.prompt)
      return script
    },
    heard: (id) => new Promise((resolve) => {
      const unlisten = sessions.get(id)!.on('mcp.tools.list_changed', ({ data }) => {
        if (data.serverName !== 'catalog') return
        unlisten()
        resolve()
      })
    }),
  }
}
