import { type CatalogError, forbidden } from '../core/errors.js'
import { type OwnerRef, ownerKey } from '../core/owner.js'
import { type CatalogIndex } from '../index/catalog-index.js'
import { isEmpty } from '../index/set-difference.js'
import { type Touched } from '../index/state.js'
import { type DeskChange } from './desk.js'
import { type Answers, createAnswers, keep } from './answers.js'
import { type CatalogDelta, type CatalogEvent, trustForSeconds, differenceKey, type ProbeOffer } from './event.js'
import { type Audience, createFanOut, type Encoded, type FanOut, type Outlet } from './fan-out.js'
import { advance, openView, type OwnerView } from './owner-view.js'

/** What a subscription asks for. Subscriptions with equal keys get equal bytes for equal events. */
export interface Rendering {
  key: string
  /** Executes the document on the event, as a GraphQL result in JSON. Synchronous. */
  render: (event: CatalogEvent | DeskChange | ProbeOffer) => Buffer
}

/** One live subscription, as the hub sees it. */
export interface Member extends Outlet {
  owner: OwnerRef
  rendering: Rendering
  /** Whether the caller may still read the owner. */
  isStillAllowed: () => boolean
}

export function rightLost(): CatalogError {
  return forbidden('owner', 'You may not read this owner any more.', 'Ask for access, or watch another owner.')
}

interface Group extends Audience<Member> {
  rendering: Rendering
  lastSentAt: number
}

interface Channel extends OwnerView {
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
  /**
   * Sends the first event and everything after it.
   * @param after the cursor that `first` goes on from; equal ones share one answer
   * @param first what happened since, or null for the whole set
   */
  join: (member: Member, after: string | null, first: () => CatalogEvent | null) => void
  leave: (member: Member) => void
  /** After every batch that the index took. */
  dispatch: (touched: Touched | 'RELOADED') => void
  size: () => number
  groups: () => number
  close: () => void
}

/** A hub's memory. */
interface Shared {
  index: CatalogIndex
  answers: Answers
  fanOut: FanOut<Member>
  channels: Map<string, Channel>
  /** Left by everybody since the index last moved, so still as they should be. */
  idle: Map<string, Channel>
}

const keptIdle = 32
/** A group that is so far behind gets a snapshot instead of what waits. */
const maxWaitingEvents = 1_000

/**
 * Fans events out. Everything here runs in one tick after the index moved: which owners a change reaches, what differs
 * for each (only the touched names are looked at), and one execution for each (document, difference). So there is no moment in which a
 * subscription could miss a change or get it twice. The writing itself is `fan-out.ts`.
 */
export function createHub({ index, isFresh, bookmarkMs = 10_000 }: HubOptions): Hub {
  const hub: Shared = { index, answers: createAnswers(index), fanOut: createFanOut<Member>(), channels: new Map(), idle: new Map() }
  const { channels, answers, fanOut } = hub
  const timer = setInterval(() => { if (isFresh()) sendBookmarks(hub, bookmarkMs / 2) }, bookmarkMs / 2)
  return {
    join: (member, after, first) => join(hub, member, after, first),
    leave: (member) => leave(hub, member),
    dispatch: (touched) => {
      answers.forget()
      if (touched === 'RELOADED' || touched.rights) {
        for (const member of membersOf(channels)) if (!member.isStillAllowed()) member.end(rightLost())
      }
      if (touched === 'RELOADED') reload(hub)
      else tell(hub, touched)
      // Also those that were left just now, before they were moved on.
      hub.idle.clear()
      fanOut.start()
    },
    size: () => groupsOf(channels).reduce((sum, { members }) => sum + members.size, 0),
    groups: () => groupsOf(channels).length,
    close: () => clearInterval(timer),
  }
}

const groupsOf = (channels: Map<string, Channel>): Group[] => [...channels.values()].flatMap(({ groups }) => [...groups.values()])
const membersOf = (channels: Map<string, Channel>): Member[] => groupsOf(channels).flatMap(({ members }) => [...members])

function join({ index, answers, channels, idle }: Shared, member: Member, after: string | null, first: () => CatalogEvent | null): void {
  const { rendering } = member
  const owner = ownerKey(member.owner)
  const channel = channels.get(owner) ?? idle.get(owner) ?? { ...openView(index, member.owner), groups: new Map<string, Group>() }
  // Rendered first: whoever cannot be served is never a member.
  const made = after === null ? answers.snapshot(channel, rendering) : answers.resume(channel, rendering, after, first)
  member.since = index.state.sequence
  const group = channel.groups.get(rendering.key) ?? { members: new Set(), waiting: [], rendering, lastSentAt: performance.now() }
  group.members.add(member)
  channel.groups.set(rendering.key, group)
  channels.set(owner, channel)
  member.write([made])
}

function leave({ fanOut, channels, idle }: Shared, member: Member): void {
  member.isGone = true
  const owner = ownerKey(member.owner)
  const channel = channels.get(owner)
  const group = channel?.groups.get(member.rendering.key)
  if (channel === undefined || group === undefined || !group.members.delete(member) || group.members.size > 0) return
  fanOut.drop(group)
  channel.groups.delete(member.rendering.key)
  if (channel.groups.size > 0) return
  channels.delete(owner)
  keep(idle, owner, channel, keptIdle)
}

/** What one group cannot get must cost nobody else anything: if its document cannot be rendered, its subscriptions end. */
function push({ fanOut }: Shared, group: Group, make: () => Encoded): void {
  group.lastSentAt = performance.now()
  try {
    fanOut.push(group, make())
  } catch (error) {
    for (const member of [...group.members]) member.end(error)
  }
}

function reload(hub: Shared): void {
  for (const channel of hub.channels.values()) {
    Object.assign(channel, openView(hub.index, channel.owner))
    for (const group of channel.groups.values()) replace(hub, channel, group)
  }
}

function replace(hub: Shared, channel: Channel, group: Group): void {
  hub.fanOut.drop(group)
  // Of another past, perhaps: no sequence of before says anything about this one.
  for (const member of group.members) member.since = -1
  push(hub, group, () => hub.answers.snapshot(channel, group.rendering))
}

function tell(hub: Shared, touched: Touched): void {
  const { index, answers, channels } = hub
  const rendered = new Map<string, Encoded>()
  for (const channel of channels.values()) {
    const difference = advance(index, channel, touched)
    if (isEmpty(difference) && !touched.policy) continue
    const delta: CatalogDelta = { __typename: 'CatalogDelta', ...trustOf(hub), policy: touched.policy ? index.state.policy : null, ...difference }
    const key = differenceKey(difference)
    for (const group of channel.groups.values()) {
      if (group.waiting.length >= maxWaitingEvents) replace(hub, channel, group)
      else push(hub, group, () => once(rendered, `${key}\n${group.rendering.key}`, () => answers.encode(group.rendering, delta)))
    }
  }
}

function sendBookmarks(hub: Shared, silentMs: number): void {
  const now = performance.now()
  const rendered = new Map<string, Encoded>()
  for (const group of groupsOf(hub.channels)) {
    if (now - group.lastSentAt < silentMs) continue
    push(hub, group, () => once(rendered, group.rendering.key, () => hub.answers.encode(group.rendering, { __typename: 'CatalogBookmark', ...trustOf(hub) })))
  }
  hub.fanOut.start()
}

const trustOf = ({ index }: Shared) => ({ cursor: index.cursor(), trustForSeconds: trustForSeconds(index.state) })

/** One rendering for each document and difference, shared by all who ask with the same key. */
function once(rendered: Map<string, Encoded>, key: string, make: () => Encoded): Encoded {
  const made = rendered.get(key) ?? make()
  rendered.set(key, made)
  return made
}
