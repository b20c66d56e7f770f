import { type Difference, differenceOf, type Scope } from '../core/effective.js'
import { type EntryKind, type JudgedEntry } from '../core/entry.js'
import { type CatalogError, forbidden } from '../core/errors.js'
import { type OwnerRef, ownerKey } from '../core/owner.js'
import { bothKinds } from '../catalog/snapshot.js'
import { type CatalogIndex } from '../index/catalog-index.js'
import { type Touched } from '../index/state.js'
import { type CatalogDelta, type CatalogEvent, type CatalogSnapshot, defaultTrustForSeconds, differenceKey } from './event.js'

/** One live subscription, as the hub sees it. */
export interface Member {
  owner: OwnerRef
  /** Equal for subscriptions that ask for the same fields: one of them renders for all. */
  renderKey: string
  /** Executes the subscriber's document on the event, as the text of a GraphQL result. Synchronous. */
  render: (event: CatalogEvent) => string
  /** Hands over a result; must not block and must bound what waits. */
  send: (result: string) => void
  /** Whether the caller may still read the owner. A deleted team is nobody's to read, not an admin's or a worker's either. */
  isStillAllowed: () => boolean
  /** Leaves, and ends the subscription with an error. */
  end: (error: unknown) => void
}

export function rightLost(): CatalogError {
  return forbidden('owner', 'You may not read this owner any more.', 'Ask for access, or watch another owner.')
}

interface Group {
  members: Set<Member>
  lastSentAt: number
  snapshot: { sequence: number; result: string } | null
}

/** Everything for one owner: the set as last sent, and who gets it. */
interface Channel {
  owner: OwnerRef
  scope: Scope
  view: Map<string, JudgedEntry>
  groups: Map<string, Group>
}

export interface HubOptions {
  index: CatalogIndex
  /** Whether the log was read recently; without that no bookmark is sent, so that workers fail closed in time. */
  isFresh: () => boolean
  /** A subscription that got nothing for this long gets a bookmark; default 10,000 ms (at most 15 s may pass). */
  bookmarkMs?: number
}

export interface Hub {
  /** Sends the first event (`first`, or the whole set when null) and everything after it. Call the answer to leave. */
  join: (member: Member, first: CatalogEvent | null) => () => void
  /** After every batch that the index took. */
  dispatch: (touched: Touched | 'RELOADED') => void
  size: () => number
  close: () => void
}

/**
 * Fans events out. Everything here runs in one tick after the index moved: which owners a change reaches, what differs
 * for each (only the touched names are looked at), one execution for each (document, difference), one write for each member.
 * So there is no moment in which a subscription could miss a change or get it twice.
 */
export function createHub({ index, isFresh, bookmarkMs = 10_000 }: HubOptions): Hub {
  const channels = new Map<string, Channel>()
  const trust = () => ({ cursor: index.cursor(), trustForSeconds: defaultTrustForSeconds })

  function snapshotFor(channel: Channel, group: Group, member: Member): string {
    const { sequence } = index.state
    if (group.snapshot?.sequence !== sequence) group.snapshot = { sequence, result: member.render(snapshotOf(index, channel.view)) }
    return group.snapshot.result
  }

  function dispatch(touched: Touched | 'RELOADED'): void {
    if (touched === 'RELOADED' || touched.rights) {
      for (const member of membersOf(channels)) if (!member.isStillAllowed()) member.end(rightLost())
    }
    const rendered = new Map<string, string>()
    for (const channel of channels.values()) {
      if (touched === 'RELOADED') {
        channel.scope = index.scopeOf(channel.owner)
        channel.view = index.effective(channel.scope)
        for (const group of channel.groups.values()) {
          group.snapshot = null
          deliver(group, (member) => snapshotFor(channel, group, member))
        }
        continue
      }
      const difference = advance(index, channel, touched)
      if (difference.upserted.length + difference.removed.length === 0 && !touched.policy) continue
      const delta: CatalogDelta = { __typename: 'CatalogDelta', ...trust(), policy: touched.policy ? index.state.policy : null, ...difference }
      const key = differenceKey(difference)
      for (const [renderKey, group] of channel.groups) deliver(group, (member) => renderOnce(rendered, `${key}\n${renderKey}`, member, delta))
    }
  }

  function sendBookmarks(): void {
    if (!isFresh()) return
    const now = performance.now()
    const rendered = new Map<string, string>()
    for (const { groups } of channels.values()) {
      for (const [renderKey, group] of groups) {
        if (now - group.lastSentAt < bookmarkMs / 2) continue
        deliver(group, (member) => renderOnce(rendered, renderKey, member, { __typename: 'CatalogBookmark', ...trust() }))
      }
    }
  }

  const timer = setInterval(sendBookmarks, bookmarkMs / 2)
  return {
    join: (member, first) => {
      const channel = channels.get(ownerKey(member.owner)) ?? newChannel(index, member.owner)
      const group = channel.groups.get(member.renderKey) ?? { members: new Set(), lastSentAt: performance.now(), snapshot: null }
      // Rendered first: whoever cannot be served is never a member.
      member.send(first === null ? snapshotFor(channel, group, member) : member.render(first))
      group.members.add(member)
      channel.groups.set(member.renderKey, group)
      channels.set(ownerKey(member.owner), channel)
      return () => leave(channels, channel, group, member)
    },
    dispatch,
    size: () => membersOf(channels).length,
    close: () => clearInterval(timer),
  }
}

/**
 * What one group cannot get must cost nobody else anything: if its document cannot be rendered, or a member cannot be
 * written to, that subscription ends and the rest goes on.
 */
function deliver(group: Group, render: (member: Member) => string): void {
  const [first] = group.members
  if (first === undefined) return
  group.lastSentAt = performance.now()
  let result: string
  try {
    result = render(first)
  } catch (error) {
    return [...group.members].forEach((member) => member.end(error))
  }
  for (const member of group.members) {
    try {
      member.send(result)
    } catch (error) {
      member.end(error)
    }
  }
}

/** One rendering for each document, shared by all who ask with the same key. */
function renderOnce(rendered: Map<string, string>, key: string, member: Member, event: CatalogEvent): string {
  const result = rendered.get(key) ?? member.render(event)
  rendered.set(key, result)
  return result
}

function membersOf(channels: Map<string, Channel>): Member[] {
  return [...channels.values()].flatMap(({ groups }) => [...groups.values()].flatMap(({ members }) => [...members]))
}

function newChannel(index: CatalogIndex, owner: OwnerRef): Channel {
  const scope = index.scopeOf(owner)
  return { owner, scope, view: index.effective(scope), groups: new Map() }
}

function leave(channels: Map<string, Channel>, channel: Channel, group: Group, member: Member): void {
  group.members.delete(member)
  if (group.members.size === 0 && channel.groups.get(member.renderKey) === group) channel.groups.delete(member.renderKey)
  if (channel.groups.size === 0 && channels.get(ownerKey(channel.owner)) === channel) channels.delete(ownerKey(channel.owner))
}

export function snapshotOf(index: CatalogIndex, view: Map<string, JudgedEntry>): CatalogSnapshot {
  return {
    __typename: 'CatalogSnapshot', cursor: index.cursor(), trustForSeconds: defaultTrustForSeconds, policy: index.state.policy,
    ...bothKinds(view.values()),
  }
}

/** Moves a channel's view to the index and says what differs: all names when the owner's rights changed, else the touched ones. */
function advance(index: CatalogIndex, channel: Channel, touched: Touched): Difference<JudgedEntry> {
  // By the scope's user, not the owner's id: a person who was subscribed to before the catalog knew them keeps the first id.
  const scope = index.scopeOf(channel.owner)
  const isConcerned = scope.kind === 'USER' && scope.userId !== null && touched.users.has(scope.userId)
  if (isConcerned) channel.scope = scope
  const names = isConcerned
    ? new Set([...channel.view.keys(), ...index.effective(channel.scope).keys(), ...touched.names])
    : touched.names
  const difference: Difference<JudgedEntry> = { upserted: [], removed: [] }
  for (const key of names) {
    const [kind, name] = splitKey(key)
    const before = channel.view.get(key) ?? null
    const after = index.chosen(channel.scope, kind, name)
    const one = differenceOf(channel.scope, before, after, (id) => index.state.entries.get(id) ?? null, (id) => touched.deleted.get(id) ?? null)
    difference.upserted.push(...one.upserted)
    difference.removed.push(...one.removed)
    if (after === null) channel.view.delete(key)
    else channel.view.set(key, after)
  }
  // A policy judges every entry anew, also those whose status stays.
  if (touched.policy) channel.view = index.effective(channel.scope)
  return difference
}

function splitKey(key: string): [EntryKind, string] {
  const at = key.indexOf(':')
  return [key.slice(0, at) as EntryKind, key.slice(at + 1)]
}
