import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { can, type Credential } from '../core/access.js'
import { line, parseInput } from '../core/parse.js'
import { type Probe } from '../core/probe.js'
import { nodeBeatMs, rememberedSubscriptionMs } from '../core/subscription-target.js'
import { type CatalogContext, type CatalogServices } from '../catalog/context.js'
import { deleteProbeNode, listPending, writeProbeNode } from '../db/probe.js'
import { pushedStream } from './pushed-stream.js'
import { type CatalogStream, type StreamSink } from './stream.js'

/**
 * Offers probes to the workers that wait for them on this node. State as everything that is sent: a probe is offered for as long as nobody has taken it, and to
 * whom it is given is decided when they take it.
 */
export interface ProbeDesk {
  /** A worker waits for probes. @throws CatalogError INVALID_INPUT: what cannot be stored would keep all others of the node from being written down */
  open: (context: CatalogContext, workerId: string) => CatalogStream
  /** Some node told that a probe was asked for. */
  wake: () => void
  close: () => Promise<void>
}

export interface ProbeDeskOptions {
  services: Pick<CatalogServices, 'db' | 'now' | 'index'>
  onError: (error: unknown) => void
  /** Milliseconds between two looks while a worker waits and something is pending; default 1,000. With nothing pending every fifth one: then it only finds what no NOTIFY told of. */
  lookMs?: number
  /** Milliseconds between two signs of life. Default 30,000. */
  beatMs?: number
}

interface Waiting {
  credential: Credential
  tokenId: string
  workerId: string
  /** Of what is pending: what it was told of, and when, as `performance.now()` tells. */
  told: Map<string, number>
  offer: (id: string) => void
}

/** A desk's memory. */
interface Desk extends ProbeDeskOptions {
  nodeId: string
  waiting: Set<Waiting>
  isWritten: boolean
  writing: Promise<void> | null
  looking: Promise<void> | null
  looksAgain: boolean
  /** Whether the last look found something. */
  isPending: boolean
  /** Turns since it last looked by itself with nothing pending. */
  idleTurns: number
  isClosed: boolean
}

/** Workers of one node that hear of a probe at a time: enough that one that is busy or gone costs nothing, few enough that a fleet does not run for each. */
const hearAtOnce = 3
const mostPending = 200
/** With nothing pending one turn in so many looks. */
const idleLooks = 5
/** A worker that could not take it then is told once more. */
const againMs = 5_000
/** What comes meanwhile shares the next write. */
const gapMs = 25

export function createProbeDesk({ lookMs = 1_000, beatMs = nodeBeatMs, ...options }: ProbeDeskOptions): ProbeDesk {
  const desk: Desk = { ...options, nodeId: randomUUID(), waiting: new Set(), isWritten: true, writing: null, looking: null, looksAgain: false, isPending: false, idleTurns: 0, isClosed: false }
  const timers = [setInterval(() => turn(desk), lookMs), setInterval(() => { if (desk.waiting.size > 0) write(desk) }, beatMs)]
  return {
    open: (context, givenId) => {
      const workerId = parseInput(line(200, 1), givenId, 'workerId')
      const { credential, id: tokenId } = context.principal
      return pushedStream('probeRequested', null, (sink) => join(desk, { credential, tokenId, workerId, told: new Map(), offer: offerTo(sink) }))
    },
    wake: () => look(desk),
    close: async () => {
      desk.isClosed = true
      timers.forEach((timer) => clearInterval(timer))
      await Promise.all([desk.looking, desk.writing])
      await deleteProbeNode(desk.services.db, desk.nodeId)
    },
  }
}

function offerTo({ rendering, write: send }: StreamSink): (id: string) => void {
  return (id) => send([{ sequence: 0, isBookmark: false, json: rendering.render({ __typename: 'ProbeOffer', id }) }])
}

function join(desk: Desk, one: Waiting): () => void {
  desk.waiting.add(one)
  write(desk)
  look(desk)
  return () => { if (desk.waiting.delete(one)) write(desk) }
}

/** NOTIFY is a hint, so there are looks that nobody asked for; what is pending is offered to others in time. */
function turn(desk: Desk): void {
  desk.idleTurns = desk.isPending ? idleLooks : desk.idleTurns + 1
  if (desk.idleTurns < idleLooks) return
  desk.idleTurns = 0
  look(desk)
}

/** One look at a time, and one that waits. */
function look(desk: Desk): void {
  if (desk.isClosed || desk.waiting.size === 0) return
  desk.looksAgain = desk.looking !== null
  desk.looking ??= offerAll(desk).catch(desk.onError).finally(() => {
    desk.looking = null
    if (desk.looksAgain) look(desk)
  })
}

async function offerAll(desk: Desk): Promise<void> {
  const { services: { db, now }, waiting } = desk
  const pending = await listPending(db, now(), mostPending)
  desk.isPending = pending.length > 0
  const ids = new Set(pending.map(({ id }) => id))
  for (const one of waiting) for (const id of one.told.keys()) if (!ids.has(id)) one.told.delete(id)
  for (const probe of pending) {
    for (const one of hearersOf(desk, probe)) {
      one.told.set(probe.id, performance.now())
      one.offer(probe.id)
    }
  }
}

/** The next few that have not heard of it just now; whoever waits longest first. */
function hearersOf({ services: { index, now }, waiting }: Desk, { id, owner, askedWorkerId }: Probe): Waiting[] {
  const found: Waiting[] = []
  for (const one of waiting) {
    if (found.length === hearAtOnce) break
    if (performance.now() - (one.told.get(id) ?? -Infinity) < againMs || (askedWorkerId !== null && askedWorkerId !== one.workerId)) continue
    const principal = index.principalNow(one.credential, now())
    if (principal !== null && can(principal, 'REPORT_STATUS', owner)) found.push(one)
  }
  // Next time others come first.
  for (const one of found) {
    waiting.delete(one)
    waiting.add(one)
  }
  return found
}

/** Who waits here, as every node has to know it. */
function write(desk: Desk): void {
  desk.isWritten = false
  if (desk.isClosed) return
  desk.writing ??= writeAll(desk).catch(desk.onError).finally(() => { desk.writing = null })
}

async function writeAll(desk: Desk): Promise<void> {
  const { services: { db, now }, nodeId, waiting } = desk
  while (!desk.isWritten && !desk.isClosed) {
    desk.isWritten = true
    const listeners = [...new Map([...waiting].map(({ tokenId, workerId }) => [`${tokenId} ${workerId}`, { tokenId, workerId }])).values()]
    await writeProbeNode(db, nodeId, listeners, now(), new Date(now().getTime() - rememberedSubscriptionMs))
    await delay(gapMs)
  }
}
