/**
 * A worker in a process of its own that can be killed: sessions of several owners with the memory adapter. Asked over IPC
 * for a cursor, it answers what each session has once it settled there.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { createCatalogWorker } from 'pilothouse/worker'
import { memoryAdapter } from 'pilothouse/worker/memory'
import { type WorkerAnswer, type WorkerQuestion, type WorkerSetup } from './worker.js'

const { url, token, owners } = JSON.parse(process.argv[2]!) as WorkerSetup

// What it says and what it dies of come to one place, and are told when it dies.
const log = (line: string) => void process.stderr.write(`${line}\n`)
const worker = await createCatalogWorker({ url, token, workerId: 'chaos', connectTimeoutMs: 5_000, log })
const sessions = await Promise.all(owners.map(async (owner, at) => {
  const adapter = memoryAdapter()
  // A host starts its sessions whether or not the catalog answers just now.
  return { adapter, session: await worker.openSession({ id: `session-${at}`, owner, adapter, waitForCatalog: false }) }
}))

process.on('message', ({ id, cursor }: WorkerQuestion) => void answer(id, cursor))
process.on('disconnect', () => process.exit(0))

async function answer(id: number, cursor: string): Promise<void> {
  const settled = await Promise.all(sessions.map(async ({ session, adapter }) => {
    const trouble = await Promise.race([
      session.settled(cursor).then(() => null, (error: Error) => error.message),
      delay(5_000, `did not settle at ${cursor} within 5 s`),
    ])
    return { trouble, rows: session.effective, items: adapter.list() }
  }))
  process.send!({ id, sessions: settled } satisfies WorkerAnswer)
}
