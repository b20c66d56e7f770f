import { type AgentDefinition } from '../core/agent.js'
import { type EntryKind } from '../core/entry.js'
import { type ListedItem, type SessionItem, type SessionUpstream } from './adapter.js'
import { type CallOptions, type Upstream, type UpstreamTarget } from './connector.js'
import { type SurvivorError } from './errors.js'
import { type Gate } from './gate.js'
import { type LoadedEntry } from './reconcile.js'
import { type Seniority } from './seniority.js'

/** STOPPED and SURVIVED (something of it could not be ended) are what is over; they go into status reports alone. */
export type AppliedState = 'STARTING' | 'APPLIED' | 'DEFERRED' | 'FAILED' | 'REFUSED' | 'STOPPING' | 'STOPPED' | 'SURVIVED'

/** What a session has under one name, and how it came to that. */
export interface EffectiveEntry {
  kind: EntryKind
  name: string
  /** `catalog`, or where a static entry comes from: a path, or `inline`. */
  origin: string
  /** Null for static entries. */
  entryId: string | null
  /** What runs; what would run when nothing does. Null for static entries. */
  revision: number | null
  state: AppliedState
  /** Why it does not run (yet), or what is to be said although it does. Holds no secret. */
  reason: string | null
  /** Tools that it does without, because their definitions are not the accepted ones; the first 100. Left out: none. */
  toolsHeld?: string[]
}

/** What the session aims at under one key. */
export interface Aim {
  /** Unique over static and catalog entries: a refused catalog entry stands beside the static one of its name. */
  key: string
  kind: EntryKind
  name: string
  origin: string
  entryId: string | null
  revision: number | null
  digest: string
  /** Of what its references stand for; null: it has none. */
  secretVersion: number | null
  /** What is to be said although it runs. */
  note: string | null
  /** Place of the view that this was decided on; static entries have none as the session opens. */
  position: number | null
}

export type Body =
  | { kind: 'MCP_SERVER'; description: string; isDefault: boolean; target: UpstreamTarget; baseEnv: Record<string, string> }
  | { kind: 'AGENT'; definition: AgentDefinition }

/** A start under way. */
export interface Attempt {
  controller: AbortController
  /** Set once the adapter gets it, so that a removal can close it at any moment. */
  gate: Gate | null
  /** Ends when it serves, has failed, or nothing of it is left. Rejects when something of it could not be ended. */
  done: Promise<void>
}

/** What serves calls. */
export interface Running {
  aim: Aim
  item: SessionItem
  upstream: Upstream | null
  gate: Gate
  seniority: Seniority
  /** Where its values go, as `placeOfValues` has it. */
  place: string | null
}

export interface Slot {
  aim: Aim
  body: Body | null
  /** Place in the session; kept over revisions, so that lists of tools are stable. */
  order: number
  /** DEFER: nothing but what waits. */
  outcome: LoadedEntry['outcome']
  /** Of the aim; what runs has a say in `rowOf`. */
  state: AppliedState
  reason: string | null
  running: Running | null
  attempt: Attempt | null
  /** Of a start that failed; trying again does not end it. */
  survivor: SurvivorError | null
  /** What is to be aimed at later, and when that is; what runs or starts goes on until then. */
  waiting: { aim: Aim; reason: string } | null
  failures: number
  cancelRetry: () => void
  /** Its secrets were denied, or asked for under what is not so any more: another revision is tried at once. */
  isAwaitingNews: boolean
  /** Why what runs does not have the values of the moment; null: it has. */
  stale: string | null
  /** Of what runs: how often its values were asked for anew, and failed in a row. */
  renewals: number
  failedRenewals: number
  cancelRenewal: () => void
}

/** What is to be told of a slot: of what runs if something does, else of what does not. */
export function rowOf(slot: Slot): EffectiveEntry {
  const { aim, outcome, running, waiting, state } = slot
  const { kind, name, origin, entryId } = aim
  const row = { kind, name, origin, entryId, revision: running?.aim.revision ?? aim.revision }
  if (waiting === null) return { ...row, state: running === null ? state : 'APPLIED', reason: reasonOf(slot) }
  const told = `Revision ${waiting.aim.revision} ${waiting.reason}${running === null ? '' : `; revision ${running.aim.revision} keeps running`}.`
  // A start under way, or one that failed, says more than that something else will follow it.
  if (running === null && outcome !== 'DEFER') return { ...row, state, reason: [reasonOf(slot), told].filter((text) => text !== null).join(' ') }
  return { ...row, state: 'DEFERRED', reason: told }
}

/** As many as a report holds. */
const mostHeld = 100

/** The rows of all slots in their order, with what connection and adapter have to say of what runs: the latter nothing, when its `list` throws. */
export function rowsOf(slots: Iterable<Slot>, list: () => ListedItem[]): EffectiveEntry[] {
  const said = new Map(listedBy(list).map(({ kind, name, origin, reason }) => [`${kind}:${name}:${origin}`, reason]))
  return [...slots].sort((a, b) => a.order - b.order).map((slot) => {
    const held = slot.running?.upstream?.heldTools().slice(0, mostHeld) ?? []
    const row = { ...rowOf(slot), ...(held.length > 0 && { toolsHeld: held }) }
    if (row.reason !== null || row.state !== 'APPLIED') return row
    const notes = [slot.running?.upstream?.note() ?? null, said.get(`${row.kind}:${row.name}:${row.origin}`) ?? null]
    return { ...row, reason: notes.filter((note) => note !== null).join(' ') || null }
  })
}

function listedBy(list: () => ListedItem[]): ListedItem[] {
  try {
    return list()
  } catch {
    return []
  }
}

function reasonOf({ aim, running, reason, stale }: Slot): string | null {
  if (running === null) return reason ?? aim.note
  const isSame = running.aim.digest === aim.digest
  const trouble = isSame ? stale ?? reason : reason
  if (trouble === null) return aim.note
  const told = trouble.replace(/\.$/, '')
  if (isSame) return `Its secrets changed, and the new ones are not in use yet (${told}); what runs goes on with the earlier ones.`
  return `Revision ${aim.revision} could not start (${told}); revision ${running.aim.revision} keeps running.`
}

/** The slot as `reconcile` wants it; null for static entries, which are nothing to the catalog. */
export function loadedOf({ aim, outcome, reason, running, waiting }: Slot): LoadedEntry | null {
  const { entryId, revision, digest, secretVersion, note } = aim
  if (entryId === null || revision === null) return null
  return {
    entryId, revision, digest, secretVersion, outcome, reason: outcome === 'RUN' ? note : reason, runningDigest: running?.aim.digest ?? null, runningPlace: running?.place ?? null,
    deferred: waiting === null ? null : { revision: waiting.aim.revision, reason: waiting.reason },
  }
}

export function itemOf({ aim, body, order }: Slot, upstream: SessionUpstream | null): SessionItem {
  const { name, origin, entryId, revision } = aim
  const base = { name, origin, entryId, revision, order }
  if (body?.kind === 'AGENT') return { ...base, kind: 'AGENT', definition: body.definition }
  if (upstream === null) throw new TypeError('an MCP server needs its connection')
  return { ...base, kind: 'MCP_SERVER', description: body?.description ?? '', isDefault: body?.isDefault ?? false, upstream }
}

/** A slot that nothing was done in yet. */
export function createSlot(aim: Aim, body: Body | null, outcome: Slot['outcome'], order: number): Slot {
  return {
    aim, body, outcome, order, state: 'STARTING', reason: null,
    running: null, attempt: null, survivor: null, waiting: null, failures: 0, cancelRetry: () => {},
    isAwaitingNews: false, stale: null, renewals: 0, failedRenewals: 0, cancelRenewal: () => {},
  }
}

/** The connection as adapters get it. What is listed can be had, and what cannot be had is not listed (S28). */
export function gated(upstream: Upstream, gate: Gate, seniority: Seniority): SessionUpstream {
  const behind = <Result>(call: (options: CallOptions) => Promise<Result>, options: CallOptions = {}) => (
    gate.pass((signal) => call({ ...options, signal }), options.signal)
  )
  const both = (one: () => void, other: () => void) => () => { one(); other() }
  const seeTools = () => seniority.saw('TOOLS', upstream.tools())
  // Before any adapter hears of a change, and asks whose name it is.
  upstream.onToolsChanged(seeTools)
  seeTools()
  return {
    tools: () => (gate.isOpen() ? upstream.tools() : []),
    heldTools: () => (gate.isOpen() ? upstream.heldTools() : []),
    callTool: (name, args, options) => behind((inner) => upstream.callTool(name, args, inner), options),
    onToolsChanged: (listener) => both(upstream.onToolsChanged(listener), gate.onClosed(listener)),
    instructions: () => (gate.isOpen() ? upstream.instructions() : null),
    // Not a call: asking for the list of what was withdrawn is nothing to refuse.
    offers: async (kind) => {
      if (!gate.isOpen()) return []
      try {
        const all = await upstream.offers(kind)
        seniority.saw(kind, all)
        return gate.isOpen() ? all : []
      } catch (error) {
        // Others may be offered under those names by now.
        seniority.saw(kind, [])
        throw error
      }
    },
    offeredSince: seniority.since,
    ask: (method, params, options) => behind((inner) => upstream.ask(method, params, inner), options),
    watch: (uri, listener, options) => (
      behind((inner) => upstream.watch(uri, (updated) => { if (gate.isOpen()) listener(updated) }, inner), options)
    ),
    onOffersChanged: (listener) => both(upstream.onOffersChanged(listener), gate.onClosed(() => {
      listener('PROMPTS')
      listener('RESOURCES')
    })),
  }
}
