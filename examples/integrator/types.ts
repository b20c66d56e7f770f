/** What a typed project sees of the package; this file is checked and never runs. */
import {
  type CatalogChangedSubscription, type CatalogClient, createCatalogClient, type McpServersQuery, McpServersDocument, possibleTypes,
  RegisterMcpServerDocument, type RegisterMcpServerInput,
} from 'pilothouse/client'
import { type CatalogAdapter, type CatalogWorker, createCatalogWorker, ToolCallError, type ToolCallErrorCode, type WorkerSession } from 'pilothouse/worker'
import { mcpAdapter, type McpTool } from 'pilothouse/worker/mcp'
import { memoryAdapter } from 'pilothouse/worker/memory'

export const client: CatalogClient = createCatalogClient({ url: 'http://127.0.0.1:4000/graphql', token: 'pht_…' })

export async function names(): Promise<string[]> {
  const { mcpServers }: McpServersQuery = await client.execute(McpServersDocument, { first: 10 })
  return mcpServers.nodes.map(({ name }) => name)
}

export async function register(input: RegisterMcpServerInput): Promise<string> {
  // @ts-expect-error the variables are missing
  await client.execute(RegisterMcpServerDocument)
  // @ts-expect-error an owner has a kind of a closed list
  await client.execute(RegisterMcpServerDocument, { input: { ...input, owner: { kind: 'NOBODY' } } })
  const { registerMcpServer: { cursor } } = await client.execute(RegisterMcpServerDocument, { input })
  return cursor
}

export function describe({ catalogChanged: event }: CatalogChangedSubscription): string {
  switch (event.__typename) {
    case 'CatalogSnapshot': return `${event.mcpServers.length} servers`
    case 'CatalogDelta': return event.removed.map(({ name, reason }) => `${name}: ${reason}`).join()
    case 'CatalogBookmark': return event.cursor
  }
}

export async function work(adapter: CatalogAdapter = memoryAdapter()): Promise<McpTool[]> {
  const worker: CatalogWorker = await createCatalogWorker({ url: 'http://127.0.0.1:4000/graphql', token: 'phw_…', workerId: 'typed' })
  const host = mcpAdapter()
  const sessions: WorkerSession[] = await Promise.all([
    worker.openSession({ id: 'one', owner: { kind: 'TEAM', id: 'crew' }, adapter: host }),
    worker.openSession({ id: 'two', owner: { kind: 'USER', provider: 'github', subject: 'octo' }, adapter }),
  ])
  for (const { name, state } of sessions.flatMap(({ effective }) => effective)) name.concat(state)
  return host.listTools()
}

export const codeOf = (error: unknown): ToolCallErrorCode | null => error instanceof ToolCallError ? error.code : null
export const eventTypes: string[] | undefined = possibleTypes.CatalogEvent
