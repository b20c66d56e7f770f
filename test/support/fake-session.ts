import { mcpAdapter, type McpAdapter } from '../../src/worker/adapters/mcp.js'
import { type CatalogWorker, type CatalogWorkerOptions, createCatalogWorker, type OpenSessionOptions, type WorkerSession } from '../../src/worker/index.js'
import { type CatalogSnapshot } from '../../src/worker/view.js'
import { cursorAt, type Entries, type FakeFeed, type FakeOperation, snapshot, startFakeFeed } from './fake-feed.js'

export interface FakeSession {
  feed: FakeFeed
  worker: CatalogWorker
  session: WorkerSession
  host: McpAdapter
  operation: FakeOperation
  /** Names of the tools that can be called. */
  tools: () => Promise<string[]>
  /** `<name>@<revision> <state>` of everything that the session has. */
  states: () => string[]
  reasonOf: (name: string) => string | null | undefined
  close: () => Promise<void>
}

/**
 * A worker on a feed of its own with one session, `s1` of user `u1`, whose first snapshot (at cursor 1) holds `entries`.
 * @param more what else is in that snapshot
 * @param prepare done with the feed before
 */
export async function openFakeSession(
  entries: Entries, options: Partial<CatalogWorkerOptions> = {}, request: Partial<OpenSessionOptions> = {}, more: Partial<CatalogSnapshot> = {}, prepare: (feed: FakeFeed) => void = () => {},
): Promise<FakeSession> {
  const feed = await startFakeFeed()
  prepare(feed)
  const worker = await createCatalogWorker({ url: feed.url, token: 'pht_test', workerId: 'w1', graceMs: 500, ...options })
  const host = mcpAdapter()
  const opening = worker.openSession({ id: 's1', owner: { kind: 'USER', id: 'u1' }, adapter: host, ...request })
  const operation = await feed.operation()
  operation.send(snapshot(cursorAt(1), entries, more))
  const session = await opening
  return {
    feed, worker, session, host, operation,
    tools: async () => (await host.listTools()).map(({ name }) => name),
    states: () => session.effective.map(({ name, revision, state }) => `${name}@${revision} ${state}`),
    reasonOf: (name) => session.effective.find((entry) => entry.name === name)?.reason,
    close: async () => {
      await worker.close()
      await feed.close()
    },
  }
}
