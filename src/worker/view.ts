import { type AgentDefinition } from '../core/agent.js'
import { type ApplyMoment, nameKey, type RevocationMode } from '../core/entry.js'
import { type McpServerDefinition, type McpTransport, secretReferences } from '../core/mcp-server.js'
import { type OwnerRef } from '../core/owner.js'
import { type Policy, readPolicy } from '../core/policy-document.js'
import { pinsByName } from '../core/tool-pin.js'
import type { CatalogChangedSubscription } from '../client/index.js'
import { teamPoliciesAfter, type TeamPolicies } from './team-policies.js'

export type CatalogEvent = CatalogChangedSubscription['catalogChanged']
export type CatalogSnapshot = Extract<CatalogEvent, { __typename: 'CatalogSnapshot' }>
export type CatalogDelta = Extract<CatalogEvent, { __typename: 'CatalogDelta' }>

type WireMcpServer = CatalogSnapshot['mcpServers'][number] & WireApproval
type WireAgent = CatalogSnapshot['agents'][number] & WireApproval

/** Left out, it is as null. */
interface WireApproval {
  approval?: ViewApproval | null
}

/** What was decided on a definition that needs an approval. */
export interface ViewApproval {
  /** Of the definition that it was decided for. */
  digest: string
  /** APPROVED, or anything else. */
  state: string
}

interface ViewBase {
  id: string
  /** A team's own policy governs what it owns. */
  owner: OwnerRef
  name: string
  revision: number
  digest: string
  apply: ApplyMoment
  /** Null: nothing was decided, or nothing had to be. */
  approval: ViewApproval | null
}

export type ViewMcpServer = ViewBase & {
  kind: 'MCP_SERVER'
  definition: McpServerDefinition
  /** Another number whenever what its references stand for has changed; at one revision it only rises. Null: it has none, or nothing was told of them. */
  secretVersion: number | null
}
export type ViewAgent = ViewBase & { kind: 'AGENT'; definition: AgentDefinition }
export type ViewEntry = ViewMcpServer | ViewAgent

/** What the tools of one entry are held to. */
export interface ViewPins {
  /** Of the entry's definition that they are for. */
  digest: string
  version: number
  /** By name; null for the server's instructions. */
  hashes: ReadonlyMap<string | null, string>
}

/** The effective set of one owner as last heard, with the policies that this worker enforces on it. Immutable. */
export interface CatalogView {
  /** By `nameKey`. */
  entries: ReadonlyMap<string, ViewEntry>
  /** The deployment's. */
  policy: Policy
  /** Narrow it for what those teams own. */
  teamPolicies: TeamPolicies
  /** By the entry's id; another map whenever one of them is another. */
  pins: ReadonlyMap<string, ViewPins>
  cursor: string
  /**
   * Place of the last event, in the order in which this worker applied events of the owner. Unlike cursors, places can
   * be compared across incarnations, so what was decided earlier always loses against a later removal.
   */
  position: number
}

/** How something that was in the set left it. */
export interface Removal {
  key: string
  id: string
  /** The server's reason, or ABSENT from a snapshot. */
  reason: string
  mode: RevocationMode
  /** Only for DRAIN; seconds from now, null for the default. */
  deadlineSeconds: number | null
  position: number
}

export interface AppliedEvent {
  view: CatalogView
  removals: Removal[]
  /**
   * Why nothing of an entry may go on after this event, by id; null: it may. Also tells of those that left the set
   * before: a DRAIN lets their calls finish, until an IMMEDIATE follows or a snapshot comes without them.
   */
  endsNow: (id: string) => string | null
}

/** One key for one entry under one name: a rename is a removal and an arrival. */
export function removalKey(key: string, id: string): string {
  return `${key}#${id}`
}

/**
 * Applies an event. A snapshot replaces everything, and what is absent from it is removed IMMEDIATE; a delta removes
 * (only what is held under that name with that id) and then upserts. State, never instructions: twice does nothing more.
 * @param held null before the first snapshot; a delta then has nothing to stand on
 * @throws TypeError for a delta without a view (the follower never lets one through)
 */
export function applyEvent(held: CatalogView | null, event: CatalogSnapshot | CatalogDelta, position: number): AppliedEvent {
  if (event.__typename === 'CatalogSnapshot') return applySnapshot(held, event, position)
  if (held === null) throw new TypeError('a delta needs a snapshot before it')
  return applyDelta(held, event, position)
}

function applySnapshot(held: CatalogView | null, event: CatalogSnapshot, position: number): AppliedEvent {
  const entries = new Map<string, ViewEntry>()
  const versions = versionsIn(event)
  for (const server of event.mcpServers) put(entries, toMcpServer(server, versions.get(server.id) ?? null), held)
  for (const agent of event.agents) put(entries, toAgent(agent), held)
  const policy = readPolicy(event.policy.revision, event.policy.document)
  const view = { entries, policy, teamPolicies: teamPoliciesAfter(null, event, policy), pins: pinsAfter(new Map(), event), cursor: event.cursor, position }
  const removals = missing(held, entries).map(([key, entry]): Removal => ({
    key, id: entry.id, reason: 'ABSENT', mode: 'IMMEDIATE', deadlineSeconds: null, position,
  }))
  const ids = new Set([...entries.values()].map(({ id }) => id))
  return { view, removals, endsNow: (id) => (ids.has(id) ? null : 'ABSENT') }
}

function applyDelta(held: CatalogView, event: CatalogDelta, position: number): AppliedEvent {
  const entries = new Map(held.entries)
  const versions = versionsIn(event)
  for (const removed of event.removed) {
    const key = nameKey(removed)
    if (entries.get(key)?.id === removed.id) entries.delete(key)
  }
  for (const upserted of event.upserted) {
    const entry = upserted.__typename === 'McpServer' ? toMcpServer(upserted, versions.get(upserted.id) ?? versionHeld(held, upserted.id)) : toAgent(upserted)
    // An entry has one name: should the removal of the old one be lacking, it must not stay under both.
    for (const [key, other] of entries) if (other.id === entry.id && key !== nameKey(entry)) entries.delete(key)
    put(entries, entry, held)
  }
  for (const [key, entry] of entries) {
    const secretVersion = versions.get(entry.id)
    if (entry.kind === 'MCP_SERVER' && secretVersion !== undefined && entry.secretVersion !== secretVersion) entries.set(key, { ...entry, secretVersion })
  }
  const policy = event.changedPolicy === null ? held.policy : readPolicy(event.changedPolicy.revision, event.changedPolicy.document)
  const told = new Map(event.removed.map((removed) => [removalKey(nameKey(removed), removed.id), removed]))
  const removals = missing(held, entries).map(([key, entry]): Removal => {
    const removed = told.get(removalKey(key, entry.id))
    const { reason, mode, deadlineSeconds } = removed ?? { reason: 'SHADOWED', mode: 'DRAIN' as const, deadlineSeconds: null }
    return { key, id: entry.id, reason, mode, deadlineSeconds, position }
  })
  const endings = new Map(event.removed.filter(({ mode }) => mode === 'IMMEDIATE').map(({ id, reason }) => [id, reason]))
  const view = { entries, policy, teamPolicies: teamPoliciesAfter(held, event, policy), pins: pinsAfter(held.pins, event), cursor: event.cursor, position }
  return { view, removals, endsNow: (id) => endings.get(id) ?? null }
}

/** What did not change keeps its object. */
function put(entries: Map<string, ViewEntry>, entry: ViewEntry, held: CatalogView | null): void {
  const key = nameKey(entry)
  const before = held?.entries.get(key)
  const isUnchanged = before !== undefined && before.id === entry.id && before.revision === entry.revision && before.digest === entry.digest
    // Approvals come and go within one revision.
    && before.approval?.digest === entry.approval?.digest && before.approval?.state === entry.approval?.state
    && secretVersionOf(before) === secretVersionOf(entry)
  entries.set(key, isUnchanged ? before : entry)
}

export function secretVersionOf(entry: ViewEntry): number | null {
  return entry.kind === 'MCP_SERVER' ? entry.secretVersion : null
}

/** Those of entries that have left stay until the next snapshot: they say nothing of what is not there. */
function pinsAfter(held: CatalogView['pins'], { toolPins }: CatalogSnapshot | CatalogDelta): CatalogView['pins'] {
  if (toolPins.length === 0) return held
  return new Map([...held, ...toolPins.map(({ entryId, digest, version, tools }) => [entryId, { digest, version, hashes: pinsByName(tools) }] as const)])
}

function versionsIn({ secretVersions }: CatalogSnapshot | CatalogDelta): ReadonlyMap<string, number> {
  return new Map(secretVersions.map(({ entryId, version }) => [entryId, version]))
}

/** What was told of it last; it may have another name now. */
function versionHeld(held: CatalogView, id: string): number | null {
  for (const entry of held.entries.values()) if (entry.id === id) return secretVersionOf(entry)
  return null
}

function missing(held: CatalogView | null, entries: ReadonlyMap<string, ViewEntry>): Array<[string, ViewEntry]> {
  return [...held?.entries ?? []].filter(([key, { id }]) => entries.get(key)?.id !== id)
}

function toMcpServer(wire: WireMcpServer, told: number | null): ViewMcpServer {
  const { id, owner: { kind, id: ownerId }, name, revision, digest, apply, approval = null, description, tools, timeoutMs } = wire
  const definition = { description, transport: toTransport(wire.transport), tools, timeoutMs, default: wire.default }
  // Whoever lost its last reference has no version, whatever was told before.
  const secretVersion = secretReferences(definition).length > 0 ? told : null
  return { kind: 'MCP_SERVER', id, owner: { kind, id: ownerId }, name, revision, digest, apply, approval, definition, secretVersion }
}

function toTransport(wire: WireMcpServer['transport']): McpTransport {
  if (wire.__typename === 'StdioTransport') {
    return { kind: 'STDIO', command: wire.command, args: wire.args, env: wire.env, cwd: wire.cwd }
  }
  return { kind: wire.kind === 'SSE' ? 'SSE' : 'HTTP', url: wire.url, headers: wire.headers }
}

function toAgent(wire: WireAgent): ViewAgent {
  const { id, owner: { kind, id: ownerId }, name, revision, digest, apply, approval = null, description, prompt, agentTools, skills, mcpServers, inheritDefaultMcpServers, model } = wire
  const definition = { description, prompt, tools: agentTools, skills, mcpServers, inheritDefaultMcpServers, model }
  return { kind: 'AGENT', id, owner: { kind, id: ownerId }, name, revision, digest, apply, approval, definition }
}
