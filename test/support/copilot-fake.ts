import { type CustomAgentConfig, type ResumeSessionConfig, type SessionConfig } from '@github/copilot-sdk'
import { type CopilotHandle, type CopilotSessions } from '../../src/worker/copilot-client.js'

export interface FakeCopilot {
  client: CopilotSessions
  /** Everything that was asked of it, in order: `create a,b`, `resume a`, `select a`, `deselect`, `stop a`, `send`, `disconnect`. */
  asked: string[]
  configs: Array<SessionConfig | ResumeSessionConfig>
  /** Asked before each creation or resume; what it throws is its outcome, what it awaits holds it up. */
  onConfig: (config: SessionConfig | ResumeSessionConfig) => Promise<void> | void
  /** Names that the runtime leaves out without a word. */
  ignored: Set<string>
  /** Whether its servers stay as they are, without a word: what one malformed entry does to the real one. */
  keepsServers: boolean
  selected: string | null
  isProcessing: boolean
}

/** A runtime in which a fault can be made; everything else is tested on the real one. */
export function fakeCopilot(): FakeCopilot {
  let agents: CustomAgentConfig[] = []
  let servers: string[] = []
  const take = async (verb: string, config: SessionConfig | ResumeSessionConfig): Promise<CopilotHandle> => {
    const names = (config.customAgents ?? []).map(({ name }) => name)
    fake.asked.push([verb, names.join()].filter((part) => part !== '').join(' '))
    fake.configs.push(config)
    await fake.onConfig(config)
    if (!fake.keepsServers) servers = Object.keys(config.mcpServers ?? {})
    agents = (config.customAgents ?? []).filter(({ name }) => !fake.ignored.has(name))
    return handle as unknown as CopilotHandle
  }
  const handle = {
    sessionId: 'c1',
    send: async () => {
      fake.asked.push('send')
      return 'message'
    },
    disconnect: async () => { fake.asked.push('disconnect') },
    rpc: {
      agent: {
        list: async () => ({ agents: agents.map(({ name }) => ({ id: name })) }),
        getCurrent: async () => ({ agent: fake.selected === null ? null : { id: fake.selected } }),
        select: async ({ name }: { name: string }) => {
          fake.asked.push(`select ${name}`)
          fake.selected = name
        },
        deselect: async () => {
          fake.asked.push('deselect')
          fake.selected = null
        },
      },
      mcp: {
        list: async () => ({ servers: servers.map((name) => ({ name, status: 'connected' })) }),
        stopServer: async ({ serverName }: { serverName: string }) => { fake.asked.push(`stop ${serverName}`) },
      },
      metadata: { isProcessing: async () => ({ processing: fake.isProcessing }) },
    },
  }
  const fake: FakeCopilot = {
    client: {
      createSession: (config) => take('create', config),
      resumeSession: (_, config) => take('resume', config),
      rpc: { tools: { list: async () => ({ tools: [{ name: 'view' }, { name: 'bash' }] }) } },
    },
    asked: [], configs: [], onConfig: () => {}, ignored: new Set(), keepsServers: false, selected: null, isProcessing: false,
  }
  return fake
}
