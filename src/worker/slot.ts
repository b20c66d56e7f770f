import { type AgentDefinition } from '../core/agent.js'
import { type EntryKind } from '../core/entry.js'
import { type SessionItem, type SessionUpstream } from './adapter.js'
import { type CallOptions, type Upstream, type UpstreamTarget } from './connector.js'
import { type Gate } from './gate.js'
import { type LoadedEntry } from './reconcile.js'

export type AppliedState = 'STARTING' | 'APPLIED' | 'FAILED' | 'REFUSED' | 'STOPPING'

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
  /** Why it does not run, or what is to be said although it does. Holds no secret. */
  reason: string | null
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
  /** What is to be said although it runs. */
  note: string | null
  /** Place of the view that this was decided on; static entries have none. */
  position: number | null
}

export type Body =
  | { kind: 'MCP_SERVER'; description: string; target: UpstreamTarget; baseEnv: Record<string, string> }
  | { kind: 'AGENT'; definition: AgentDefinition }

/** A start under way. */
export interface Attempt {
  controller: AbortController
  /** Set once the adapter gets it, so that a removal can close it at any moment. */
  gate: Gate | null
}

/** What serves calls. */
export interface Running {
  aim: Aim
  item: SessionItem
  upstream: Upstream | null
  gate: Gate
}

export interface Slot {
  aim: Aim
  body: Body | null
  /** Place in the session; kept over revisions, so that lists of tools are stable. */
  order: number
  outcome: LoadedEntry['outcome']
  /** Of the aim; what runs has a say in `rowOf`. */
  state: AppliedState
  reason: string | null
  running: Running | null
  attempt: Attempt | null
  failures: number
  cancelRetry: () => void
}

/** What is to be told of a slot: of what runs if something does, else of what does not. */
export function rowOf({ aim, running, state, reason }: Slot): EffectiveEntry {
  const { kind, name, origin, entryId, revision } = aim
  if (running === null) return { kind, name, origin, entryId, revision, state, reason: reason ?? aim.note }
  const told = running.aim.digest === aim.digest || reason === null
    ? aim.note
    : `Revision ${revision} could not start (${reason.replace(/\.$/, '')}); revision ${running.aim.revision} keeps running.`
  return { kind, name, origin, entryId, revision: running.aim.revision, state: 'APPLIED', reason: told }
}

/** The slot as `reconcile` wants it; null for static entries, which are nothing to the catalog. */
export function loadedOf({ aim, outcome, reason }: Slot): LoadedEntry | null {
  const { entryId, revision, digest, note } = aim
  if (entryId === null || revision === null) return null
  return { entryId, revision, digest, outcome, reason: outcome === 'RUN' ? note : reason }
}

export function itemOf({ aim, body, order }: Slot, upstream: SessionUpstream | null): SessionItem {
  const { name, origin, entryId, revision } = aim
  const base = { name, origin, entryId, revision, order }
  if (body?.kind === 'AGENT') return { ...base, kind: 'AGENT', definition: body.definition }
  if (upstream === null) throw new TypeError('an MCP server needs its connection')
  return { ...base, kind: 'MCP_SERVER', description: body?.description ?? '', upstream }
}

/** The connection as adapters get it. What is listed can be had, and what cannot be had is not listed (S28). */
export function gated(upstream: Upstream, gate: Gate): SessionUpstream {
  const behind = <Result>(call: (options: CallOptions) => Promise<Result>, options: CallOptions = {}) => (
    gate.pass((signal) => call({ ...options, signal }), options.signal)
  )
  const both = (one: () => void, other: () => void) => () => { one(); other() }
  return {
    tools: () => (gate.isOpen() ? upstream.tools() : []),
    callTool: (name, args, options) => behind((inner) => upstream.callTool(name, args, inner), options),
    onToolsChanged: (listener) => both(upstream.onToolsChanged(listener), gate.onClosed(listener)),
    instructions: () => (gate.isOpen() ? upstream.instructions() : null),
    // Not a call: asking for the list of what was withdrawn is nothing to refuse.
    offers: async (kind) => {
      const all = gate.isOpen() ? await upstream.offers(kind) : []
      return gate.isOpen() ? all : []
    },
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
