/** A worker in a process of its own that can be killed: opens one session, says so, and stays until it is ended. */
import { memoryAdapter } from '../../src/worker/adapters/memory.js'
import { createCatalogWorker } from '../../src/worker/index.js'

const { url, token, workerId, session, owner } = JSON.parse(process.argv[2]!) as Record<'url' | 'token' | 'workerId' | 'session' | 'owner', string>
const worker = await createCatalogWorker({ url, token, workerId })
await worker.openSession({ id: session, owner: { kind: 'USER', id: owner }, adapter: memoryAdapter() })
process.stdout.write('open\n')
