import { type CopilotRuntime, describeOnRuntime, startCopilotRuntime } from './copilot-runtime.js'
import { type LiveCopilot, type LiveOptions, openCopilot } from './copilot-session.js'
import { startTestMcpServer, type TestMcpServer, type TestTool } from './mcp-servers.js'
import { closing, shared } from './shared.js'

export interface CopilotSuite {
  /** One for all tests. */
  runtime: CopilotRuntime
  /** A session that is closed after its test. */
  open: (options?: LiveOptions) => Promise<LiveCopilot>
  /** An MCP server that is closed after its test. */
  serve: (...tools: TestTool[]) => Promise<TestMcpServer>
}

/** Tests of live sessions on the real runtime; `defaults` hold for each session that does not say otherwise. */
export function describeCopilot(name: string, body: (suite: CopilotSuite) => void, defaults: LiveOptions = {}): void {
  describeOnRuntime(name, () => {
    const { runtime } = shared({ runtime: startCopilotRuntime })
    body({
      runtime,
      open: async (options = {}) => closing(await openCopilot(runtime, { ...defaults, ...options })),
      serve: async (...tools) => closing(await startTestMcpServer(tools)),
    })
  })
}

/** What of the catalog a list of tools has, sorted. */
export function ofCatalog(names: string[] | undefined): string[] | undefined {
  return names?.filter((name) => name.startsWith('catalog-')).sort()
}
