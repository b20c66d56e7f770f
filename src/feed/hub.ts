import { type Difference, differenceOf, type Scope } from '../core/effective.js'
import { type EntryKind, type JudgedEntry } from '../core/entry.js'
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
  /** Whether the caller may still read the owner. Ends the subscription itself when not. */
  isStillAllowed: () => boolean
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

  function deliver(group: Group, result: string): void {
    group.lastSentAt = performance.now()
    for (const member of group.members) member.send(result)
  }

  function snapshotFor(channel: Channel, group: Group, member: Member): string {
    const { sequence } = index.state
    if (group.snapshot?.sequence !== sequence) group.snapshot = { sequence, result: member.render(snapshotOf(index, channel.view)) }
    return group.snapshot.result
  }

  /** One rendering for each (document, key) of one dispatch. */
  function broadcast(channel: Channel, key: string, event: CatalogEvent, rendered: Map<string, string>): void {
    for (const [renderKey, group] of channel.groups) {
      const [first] = group.members
      if (first === undefined) continue
      const cacheKey = `${key}\n${renderKey}`
      const result = rendered.get(cacheKey) ?? first.render(event)
      rendered.set(cacheKey, result)
      deliver(group, result)
    }
  }

  function dispatch(touched: Touched | 'RELOADED'): void {
    if (touched === 'RELOADED' || touched.rights) membersOf(channels).forEach((member) => member.isStillAllowed())
    const rendered = new Map<string, string>()
    for (const channel of channels.values()) {
      if (touched === 'RELOADED') {
        channel.scope = index.scopeOf(channel.owner)
        channel.view = index.effective(channel.scope)
        for (const group of channel.groups.values()) {
          const [first] = group.members
          if (first !== undefined) deliver(group, snapshotFor(channel, group, first))
        }
        continue
      }
      const difference = advance(index, channel, touched)
      if (difference.upserted.length + difference.removed.length === 0 && !touched.policy) continue
      const delta: CatalogDelta = { __typename: 'CatalogDelta', ...trust(), policy: touched.policy ? index.state.policy : null, ...difference }
      broadcast(channel, differenceKey(difference), delta, rendered)
    }
  }

  function sendBookmarks(): void {
    if (!isFresh()) return
    const now = performance.now()
    const rendered = new Map<string, string>()
    for (const channel of channels.values()) {
      for (const [renderKey, group] of channel.groups) {
        const [first] = group.members
        if (first === undefined || now - group.lastSentAt < bookmarkMs / 2) continue
        const result = rendered.get(renderKey) ?? first.render({ __typename: 'CatalogBookmark', ...trust() })
        rendered.set(renderKey, result)
        deliver(group, result)
      }
    }
  }

  const timer = setInterval(sendBookmarks, bookmarkMs / 2)
  return {
    join: (member, first) => {
      const channel = channelOf(index, channels, member.owner)
      const group = groupOf(channel, member.renderKey)
      group.members.add(member)
      member.send(first === null ? snapshotFor(channel, group, member) : member.render(first))
      return () => leave(channels, channel, group, member)
    },
    dispatch,
    size: () => membersOf(channels).length,
    close: () => clearInterval(timer),
  }
}

function membersOf(channels: Map<string, Channel>): Member[] {
  return [...channels.values()].flatMap(({ groups }) => [...groups.values()].flatMap(({ members }) => [...members]))
}

function channelOf(index: CatalogIndex, channels: Map<string, Channel>, owner: OwnerRef): Channel {
  const known = channels.get(ownerKey(owner))
  if (known !== undefined) return known
  const scope = index.scopeOf(owner)
  const channel = { owner, scope, view: index.effective(scope), groups: new Map<string, Group>() }
  channels.set(ownerKey(owner), channel)
  return channel
}

function groupOf(channel: Channel, renderKey: string): Group {
  if (!channel.groups.has(renderKey)) channel.groups.set(renderKey, { members: new Set(), lastSentAt: performance.now(), snapshot: null })
  return channel.groups.get(renderKey)!
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
  const isConcerned = touched.everyone || (channel.owner.kind === 'USER' && touched.users.has(channel.owner.id))
  if (isConcerned) channel.scope = index.scopeOf(channel.owner)
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
  return difference
}

function splitKey(key: string): [EntryKind, string] {
  const at = key.indexOf(':')
  return [key.slice(0, at) as EntryKind, key.slice(at + 1)]
}
