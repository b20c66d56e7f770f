import { type CopilotSession, type CustomAgentConfig, type MCPServerConfig, type ResumeSessionConfig, type SessionConfig } from '@github/copilot-sdk'

/** A session of the SDK, by its public side. */
export type CopilotHandle = Pick<CopilotSession, keyof CopilotSession>

/** What is used of a `CopilotClient`. */
export interface CopilotSessions {
  createSession: (config: SessionConfig) => Promise<CopilotHandle>
  resumeSession: (sessionId: string, config: ResumeSessionConfig) => Promise<CopilotHandle>
  /** Can be used once a session was made. */
  rpc: { tools: { list: (params: { model?: string }) => Promise<{ tools: Array<{ name: string }> }> } }
}

/** What the catalog adds to a session of the runtime, beside the host's own configuration. */
export interface CopilotSetup {
  /** By the name that the runtime knows them under. */
  mcpServers: Record<string, MCPServerConfig>
  agents: CustomAgentConfig[]
}
