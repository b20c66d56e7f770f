import { type OwnerInput, type ReportProbeInput, type TakeProbeMutation } from '../client/index.js'
import { probeLimits } from '../core/probe.js'
import { type CatalogAdapter, type SessionServer } from './adapter.js'
import { type UpstreamTool } from './connector.js'
import { type Clock } from './clock.js'
import { messageOf } from './errors.js'
import { type WorkerSession } from './session.js'
import { type SessionStatus } from './status.js'

export type ProbeTask = NonNullable<TakeProbeMutation['takeProbe']['task']>
/** What came of it. */
export type ProbeResult = Pick<ReportProbeInput, 'succeeded' | 'code' | 'reason' | 'revision' | 'inventory'>

/** The worker as a probe needs it. */
export interface ProbeHost {
  /** As the worker opens sessions, for one entry of the set alone. */
  openSession: (request: { id: string; owner: OwnerInput; adapter: CatalogAdapter; onlyEntryId: string }) => Promise<WorkerSession>
  sessions: ReadonlyMap<string, { close: () => Promise<void>; status: () => SessionStatus }>
  clock: Clock
}

/**
 * A session of the owner that has the one entry, gives its tools to nobody, and ends as soon as it is known what there is: everything that holds for
 * sessions (policy, approval, files judged at the start, leases, pins, redaction, bounds on starts, revocation) holds for it. Resolves when nothing of it is left.
 */
export async function runProbe({ id, entryId, owner, cursor, seconds }: ProbeTask, { openSession, sessions, clock }: ProbeHost): Promise<ProbeResult> {
  const sessionId = `probe:${id}`
  let server: SessionServer | null = null
  const adapter: CatalogAdapter = {
    load: async (item) => { if (item.kind === 'MCP_SERVER') server = item },
    unload: async () => { server = null },
    list: () => [],
  }
  const opening = openSession({ id: sessionId, owner, adapter, onlyEntryId: entryId })
  // It has its place from the moment on in which it is asked for.
  const place = sessions.get(sessionId)
  const rowOf = () => place?.status().entries.find((entry) => entry.entryId === entryId)

  async function look(): Promise<ProbeResult> {
    const session = await opening
    await session.settled(cursor)
    const found = server
    const inventory = found === null ? null : await inventoryOf(found)
    const row = rowOf()
    const revision = row?.revision ?? null
    // What was withdrawn in between lists nothing.
    if (row?.state === 'APPLIED' && inventory !== null && found === server) return { succeeded: true, reason: row.reason, revision, inventory }
    return { succeeded: false, revision, ...failureOf(row) }
  }

  let cancel = () => {}
  const timedOut = new Promise<ProbeResult>((resolve) => {
    cancel = clock.after(seconds * 1_000, () => {
      const row = rowOf()
      const why = row?.reason ?? null
      resolve({ succeeded: false, code: 'TIMED_OUT', reason: `It did not come up within ${seconds} s${why === null ? '.' : `: ${why}`}`, revision: row?.revision ?? null })
    })
  })
  const result = await Promise.race([look(), timedOut]).catch((error: unknown): ProbeResult => ({ succeeded: false, code: 'FAILED', reason: messageOf(error) }))
  cancel()
  const left = await place?.close().catch(messageOf)
  const row = rowOf()
  if (row?.state === 'SURVIVED') return { succeeded: false, code: 'SURVIVED', reason: row.reason, revision: result.revision }
  return left === undefined ? result : { succeeded: false, code: 'FAILED', reason: left, revision: result.revision }
}

type Row = SessionStatus['entries'][number]

function failureOf(row: Row | undefined): Pick<ProbeResult, 'code' | 'reason'> {
  if (row === undefined) return { code: 'WITHDRAWN', reason: 'The entry is not in the set of this owner any more.' }
  if (row.state === 'REFUSED') return { code: 'WORKER_REFUSED', reason: row.reason }
  if (row.state === 'STOPPING' || row.state === 'STOPPED' || row.state === 'SURVIVED') return { code: 'WITHDRAWN', reason: `It was withdrawn while it was probed (${row.reason}).` }
  return { code: 'NOT_CONNECTED', reason: row.reason }
}

async function inventoryOf({ upstream }: SessionServer): Promise<ProbeResult['inventory']> {
  const countOf = (kind: 'PROMPTS' | 'RESOURCES') => upstream.offers(kind).then((all) => all.length, () => null)
  const [promptCount, resourceCount] = await Promise.all([countOf('PROMPTS'), countOf('RESOURCES')])
  const tools = upstream.tools()
  return {
    tools: toolsIn(tools), toolCount: tools.length, promptCount, resourceCount,
    toolsHeld: upstream.heldTools().slice(0, probeLimits.tools).map((name) => name.slice(0, probeLimits.nameCharacters)),
  }
}

function toolsIn(tools: readonly UpstreamTool[]) {
  const told = tools.slice(0, probeLimits.tools)
  const most = Math.min(probeLimits.textCharacters, Math.floor(probeLimits.allCharacters / Math.max(1, told.length)))
  return told.map(({ name, title, description }) => (
    { name: name.slice(0, probeLimits.nameCharacters), title: title?.slice(0, probeLimits.nameCharacters), description: description?.slice(0, most) }))
}
