import { setTimeout as delay } from 'node:timers/promises'
import { createCatalogWorker, type CatalogWorker, ToolCallError, type WorkerSession } from 'pilothouse/worker'
import { type McpAdapter, mcpAdapter } from 'pilothouse/worker/mcp'
import { nowMs } from './machine.js'
import { type CallsResult, type FromCallers, type ToCallers } from './plan.js'

/**
 * One worker with N sessions of one owner, in a process of its own. Each session calls the tool, and calls it again as soon as
 * it is answered, until it is refused; and then some more, because nothing may get through any more.
 */
interface Seat {
  adapter: McpAdapter
  session: WorkerSession
}

/** What all of them call, and what a call takes at the server. */
interface Calls {
  toolName: string
  callMs: number
}

const callsAfter = 20

const say = (message: FromCallers) => void process.send?.(message)

async function openSeats(worker: CatalogWorker, { owner, sessions }: Extract<ToCallers, { kind: 'OPEN' }>): Promise<Seat[]> {
  return Promise.all(Array.from({ length: sessions }, async (_, at) => {
    const adapter = mcpAdapter()
    return { adapter, session: await worker.openSession({ id: `session-${at}`, owner, adapter }) }
  }))
}

/** Whether a call got through; null: it failed without being refused. */
async function call({ adapter }: Seat, { toolName, callMs }: Calls, examples: string[]): Promise<boolean | null> {
  try {
    await adapter.callTool(toolName, { ms: callMs })
    return true
  } catch (error) {
    if (error instanceof ToolCallError && (error.code === 'WITHDRAWN' || error.code === 'UNKNOWN_TOOL')) return false
    if (examples.length < 3) examples.push(String(error))
    return null
  }
}

/** Resolves when every session has been refused, and tried again to no avail. */
async function callUntilRefused(seats: Seat[], calls: Calls, called: () => void): Promise<CallsResult> {
  const examples: string[] = []
  const refusedAt: number[] = []
  let [answered, failed, throughAfterwards, warm] = [0, 0, 0, 0]
  let allRefused = () => {}
  const whenAllRefused = new Promise<void>((resolve) => { allRefused = resolve })
  const begin = nowMs()
  await Promise.all(seats.map(async (seat, at) => {
    // Spread over the time of a call, as sessions are that know nothing of each other.
    await delay((calls.callMs * at) / seats.length)
    for (let own = 0; ;) {
      const isThrough = await call(seat, calls, examples)
      if (isThrough === false && own === 0) throw new Error('a session was refused before anything was revoked')
      if (isThrough === false) break
      if (isThrough === null) failed++
      else answered++
      if (++own === 1 && ++warm === seats.length) called()
    }
    if (refusedAt.push(nowMs()) === seats.length) allRefused()
    // A refusal takes no time: whoever called on at once would keep the others from hearing theirs.
    await whenAllRefused
    for (let own = 0; own < callsAfter; own++) {
      if (await call(seat, calls, examples) !== false) throughAfterwards++
      await delay(1)
    }
  }))
  const lastAt = Math.max(...refusedAt)
  return { firstAt: Math.min(...refusedAt), lastAt, callsPerSecond: (1_000 * answered) / (lastAt - begin), failed, throughAfterwards, examples }
}

let worker: CatalogWorker | null = null
let seats: Seat[] = []
let callMs = 0

async function obey(message: ToCallers): Promise<void> {
  if (message.kind === 'OPEN') {
    callMs = message.callMs
    worker = await createCatalogWorker({ url: message.url, token: message.token, workerId: 'bench' })
    seats = await openSeats(worker, message)
    return say({ kind: 'OPENED' })
  }
  if (message.kind === 'CLOSE') {
    await worker?.close()
    return say({ kind: 'CLOSED' })
  }
  await Promise.all(seats.map(({ session }) => session.settled(message.cursor)))
  say({ kind: 'REFUSED', result: await callUntilRefused(seats, { toolName: message.toolName, callMs }, () => say({ kind: 'CALLING' })) })
}

process.on('message', (message) => void obey(message as ToCallers))
process.on('disconnect', () => process.exit(0))
