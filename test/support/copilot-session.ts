import { type CopilotSession } from '@github/copilot-sdk'
import { type CopilotAdapter, copilotAdapter, type CopilotAdapterOptions } from '../../src/worker/adapters/copilot.js'
import { type CatalogWorkerOptions, createCatalogWorker, type OpenSessionOptions, type WorkerSession } from '../../src/worker/index.js'
import { type CopilotRuntime } from './copilot-runtime.js'
import { cursorAt, delta, type Entries, type FakeOperation, type removed, snapshot, startFakeFeed } from './fake-feed.js'

export interface LiveCopilot {
  copilot: CopilotSession
  adapter: CopilotAdapter
  session: WorkerSession
  /** The catalog's side. */
  feed: FakeOperation
  /** Sends a change and resolves when it is applied. */
  change: (entries: Entries, gone?: Array<ReturnType<typeof removed>>) => Promise<void>
  close: () => Promise<void>
}

export interface LiveOptions extends Partial<Pick<OpenSessionOptions, 'agent' | 'grants' | 'id'>>, Partial<CopilotAdapterOptions>, Pick<CatalogWorkerOptions, 'clock'> {
  entries?: Entries
}

/** A worker with one Copilot session, fed by hand. */
export async function openCopilot(runtime: CopilotRuntime, options: LiveOptions = {}): Promise<LiveCopilot> {
  const { entries = {}, id = 's1', agent, grants, client = runtime.client, config = runtime.config(), clock, ...rest } = options
  const fake = await startFakeFeed()
  const worker = await createCatalogWorker({ url: fake.url, token: 'pht_test', workerId: 'w1', clock })
  const close = async () => {
    await worker.close()
    await fake.close()
  }
  const adapter = copilotAdapter({ client, config, ...rest })
  const opening = worker.openSession({ id, agent, grants, owner: { kind: 'USER', id: 'u1' }, adapter })
  try {
    const feed = await fake.operation()
    let sequence = 1
    feed.send(snapshot(cursorAt(sequence), entries))
    const session = await opening
    return {
      copilot: adapter.session(), adapter, session, feed, close,
      change: async (changed, gone = []) => {
        sequence += 1
        feed.send(delta(cursorAt(sequence), changed, gone))
        await session.settled(cursorAt(sequence))
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}
