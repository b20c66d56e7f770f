import { type AgentDefinition } from '../core/agent.js'
import { type EntryKind, type RevocationMode } from '../core/entry.js'
import { type CallOptions, type CallToolResult, type UpstreamTool } from './connector.js'
import { type OfferChange, type OfferKind } from './offer-book.js'
import { type Offers, type Questions } from './offers.js'

/** A connected MCP server as an adapter sees it: behind the gate, and without command, address, header or environment. */
export interface SessionUpstream {
  /** Empty once the server is withdrawn. */
  tools: () => readonly UpstreamTool[]
  /** @throws ToolCallError */
  callTool: (name: string, args: Record<string, unknown>, options?: CallOptions) => Promise<CallToolResult>
  /** Told of the withdrawal too. Returns what ends it. */
  onToolsChanged: (listener: () => void) => () => void
  /** Names of tools that the server has and that are neither listed nor called: their definitions are not the accepted ones (S10). */
  heldTools: () => readonly string[]
  /** What the server says of its use; null: nothing, held, or withdrawn. */
  instructions: () => string | null
  /**
   * Its prompts, resources or templates of resources; empty once the server is withdrawn.
   * @throws ToolCallError, or an error when the server does not list them in time
   */
  offers: <Kind extends OfferKind>(kind: Kind) => Promise<ReadonlyArray<Offers[Kind]>>
  /**
   * Gets a prompt, reads a resource, completes an argument.
   * @throws ToolCallError
   */
  ask: <Method extends keyof Questions>(method: Method, params: Questions[Method]['params'], options?: CallOptions) => Promise<Questions[Method]['result']>
  /**
   * Subscribes to a resource, over reconnections too; `listener` gets the URI that changed, which may be a part of it.
   * Resolves with what ends it.
   * @throws ToolCallError
   */
  watch: (uri: string, listener: (updated: string) => void, options?: CallOptions) => Promise<() => void>
  /**
   * When the session was first offered what `tools` or `offers` answers now, for adapters that make names of their own: of
   * two servers that come to one name, the static one has it, else the one with the smaller number (S18). Whole numbers that
   * compare within one session; Infinity: not offered, or not known yet. A server keeps them over reconnections and
   * revisions; what it stops offering is new when it comes back.
   */
  offeredSince: <Kind extends keyof Offers>(kind: Kind, offer: Offers[Kind]) => number
  /** Told when `offers` may answer something else, of the withdrawal too. Returns what ends it. */
  onOffersChanged: (listener: (change: OfferChange) => void) => () => void
}

interface ItemBase {
  name: string
  /** `catalog`, or where a static entry comes from: a path, or `inline`. */
  origin: string
  /** Null for static entries. */
  entryId: string | null
  revision: number | null
  /** Place in the session; an entry keeps it over its revisions, so that lists can be stable. */
  order: number
}

/** `isDefault`: agents that inherit the default servers have it without naming it. */
export type SessionServer = ItemBase & { kind: 'MCP_SERVER'; description: string; isDefault: boolean; upstream: SessionUpstream }
export type SessionAgent = ItemBase & { kind: 'AGENT'; definition: AgentDefinition }
export type SessionItem = SessionServer | SessionAgent

export interface ListedItem {
  kind: EntryKind
  name: string
  origin: string
  entryId: string | null
  revision: number | null
  /** What the adapter has to say of it, e.g. that a tool is withheld; null mostly. */
  reason: string | null
}

/**
 * One session's place in the worker's relay: a Streamable HTTP MCP server on loopback, behind the gate, for any MCP client.
 * Its URLs are secrets, because whoever knows one may call the session's tools.
 */
export interface SessionRelay {
  /** The one endpoint with every server: tools and prompts are `<server>-<name>`, and come and go by `list_changed`. */
  readonly url: string
  /** The endpoint of one server with its own names; 404 to new clients for as long as no server of that name is loaded. */
  urlOf: (serverName: string) => string
  /** Takes a server in, in place of the one it holds under that name; every connected client is told. */
  load: (server: SessionServer) => void
  /** Lets go of it; nothing happens when it is not there. */
  unload: (serverName: string) => void
  /** What is to be said of a server because its tools would take names that lead elsewhere already, by its name (S18). */
  withheld: () => ReadonlyMap<string, string>
  /** Ends calls in flight, streams and clients; later requests find nothing. The session does it too, after the adapter's `close`. */
  close: () => Promise<void>
}

/** The session that an adapter binds. */
export interface AdapterContext {
  sessionId: string
  /** Name of the agent that the session runs; null: none. */
  agent: string | null
  /**
   * The session's endpoints, for a runtime that is an MCP client. The same one on every call; the listener starts with
   * the worker's first. The adapter gives it the servers that it is given.
   * @throws when the session is closed, or loopback cannot be listened on
   */
  openRelay: () => Promise<SessionRelay>
  /**
   * For runtimes that know turns: one begins. What the catalog says is for the next turn waits from here on; removals
   * never do. Turns may overlap, with each other and with those that the host brackets by `session.turn`.
   */
  turnBegan: () => void
  /** Called once for each `turnBegan`. */
  turnEnded: () => void
  /**
   * For calls of a tool, by its public name `<server>-<tool>`, that the adapter does not hold any more: it refuses them
   * itself, and says so here, so that the receipt of a revocation counts them. Other names are nothing to the session.
   */
  callRefused: (toolName: string) => void
}

/**
 * Binds one session of a runtime to the catalog. The session calls it, one call at a time and in order; it never starts
 * or ends a server itself, and what the gate refuses it cannot reach. Held by test/suites/adapter-conformance.ts.
 */
export interface CatalogAdapter {
  /**
   * Called once, before the first `load`. An adapter without it needs nothing of the session.
   * @throws when the runtime cannot take the session; it is not opened then
   */
  open?: (context: AdapterContext) => Promise<void>
  /**
   * Called once, when everything that the session begins with was loaded, was refused or has failed: the moment to make the
   * runtime's own session. `openSession` resolves after it.
   * @throws as `open`
   */
  ready?: () => Promise<void>
  /** Called once, after the last `unload`, also when opening failed. Resolves when nothing of the runtime's session is left. */
  close?: () => Promise<void>
  /**
   * Takes an entry in, in place of the one it holds under that kind and name. The same entry again, with the same
   * `upstream`, only renews what is told of it.
   * @throws when the runtime does not take it; what it had before then stays
   */
  load: (item: SessionItem) => Promise<void>
  /** Lets go of it; nothing happens when it is not there. `mode` says what becomes of calls in flight, which the gate ends. */
  unload: (kind: EntryKind, name: string, mode: RevocationMode) => Promise<void>
  /** What it holds, in the order of the session. */
  list: () => ListedItem[]
  /**
   * What the runtime's host configured by itself, in place of a static layer of the worker: such names are protected as static
   * ones are (S18), from the session's begin on, and what the session has of it is told and reported with the static entries.
   * Default: nothing.
   */
  hostEntries?: () => HostEntry[]
}

export interface HostEntry {
  kind: EntryKind
  name: string
  /** Who configured it. */
  origin: string
  /** Whether this session has it; the others are protected names. */
  isInSession: boolean
}
