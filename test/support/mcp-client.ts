import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { PromptListChangedNotificationSchema, ResourceListChangedNotificationSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'

export interface TestMcpClient {
  client: Client
  /** `list_changed` notifications so far. */
  heard: Record<'TOOLS' | 'PROMPTS' | 'RESOURCES', number>
  /** Resolves with the next `list_changed`. */
  next: () => Promise<void>
  /** Resolves once so many `list_changed` of that kind have come. */
  untilHeard: (kind: 'TOOLS' | 'PROMPTS' | 'RESOURCES', count: number) => Promise<void>
  tools: () => Promise<string[]>
  prompts: () => Promise<string[]>
  resources: () => Promise<string[]>
  /** Resolves when the list is this one; it is asked for again after each `list_changed`, and never without one. */
  until: (list: 'tools' | 'prompts' | 'resources', expected: string[]) => Promise<void>
  close: () => Promise<void>
}

/** An MCP client of the official SDK as it comes. */
export async function connectMcpClient(url: string): Promise<TestMcpClient> {
  const client = new Client({ name: 'test', version: '1' }, { capabilities: {} })
  const heard = { TOOLS: 0, PROMPTS: 0, RESOURCES: 0 }
  let wake: Array<() => void> = []
  const hear = (kind: keyof typeof heard) => {
    heard[kind] += 1
    const waiting = wake
    wake = []
    for (const resolve of waiting) resolve()
  }
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => hear('TOOLS'))
  client.setNotificationHandler(PromptListChangedNotificationSchema, () => hear('PROMPTS'))
  client.setNotificationHandler(ResourceListChangedNotificationSchema, () => hear('RESOURCES'))
  await client.connect(new StreamableHTTPClientTransport(new URL(url)))
  const lists = {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    prompts: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
  }
  const next = () => new Promise<void>((resolve) => wake.push(resolve))
  return {
    client, heard, next, ...lists,
    untilHeard: async (kind, count) => { while (heard[kind] < count) await next() },
    until: async (list, expected) => {
      for (;;) {
        const told = next()
        if (JSON.stringify(await lists[list]()) === JSON.stringify(expected)) return
        await told
      }
    },
    close: () => client.close(),
  }
}
