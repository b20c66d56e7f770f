import { can, type Credential } from '../core/access.js'
import { parseCursor } from '../core/change.js'
import { type OwnerRef } from '../core/owner.js'
import { ownerFor } from '../catalog/authorize.js'
import { type CatalogContext } from '../catalog/context.js'
import { type CatalogIndex, type OwnerQuery } from '../index/catalog-index.js'
import { foldChanges } from '../index/fold-changes.js'
import { isEmpty } from '../index/set-difference.js'
import { type CatalogEvent, trustForSeconds } from './event.js'
import { type Hub, type Member, rightLost } from './hub.js'
import { pushedStream } from './pushed-stream.js'

/** Where a subscription's results go; the WebSocket layer implements it. */
export interface StreamSink extends Pick<Member, 'rendering' | 'write'> {
  /** Ends the operation with an error, masked if it is not one of ours, as the last thing on it. */
  fail: (error: unknown) => void
}

/**
 * A subscription that was let in, not yet connected to its sink. It is an AsyncIterable because graphql-js asks for one,
 * but is never iterated: one execution serves a whole group, so results are pushed by the hub instead.
 */
export interface CatalogStream extends AsyncIterable<never> {
  /** Whose set it tells of; null: of what somebody looks at. */
  owner: OwnerRef | null
  /** Sends the first event and joins the live ones in the same tick. Call the answer to leave. */
  attach: (sink: StreamSink) => () => void
}

export function isCatalogStream(value: unknown): value is CatalogStream {
  return typeof value === 'object' && value !== null && 'attach' in value
}

/**
 * Opens `catalogChanged(owner, after)`: access first, then snapshot or catch-up, then live.
 * @throws CatalogError NOT_FOUND or FORBIDDEN when the caller may not read the owner
 */
export async function openCatalogStream(context: CatalogContext, hub: Hub, query: OwnerQuery, after: string | null): Promise<CatalogStream> {
  const { index } = context
  const cursor = after === null ? null : parseCursor(after)
  // A cursor from a node that is ahead of this one: read on first, and only then judge it unknown.
  if (cursor !== null && cursor.incarnation === index.state.incarnation && cursor.sequence > index.state.sequence) await context.refresh()
  const owner = await ownerFor(context, 'READ_SET', query, 'owner')
  const { credential } = context.principal
  return pushedStream('catalogChanged', owner, (sink) => attach(context, hub, credential, owner, after, sink))
}

function attach(
  { index, now }: CatalogContext, hub: Hub, credential: Credential, owner: OwnerRef, after: string | null, sink: StreamSink,
): () => void {
  const member: Member = {
    owner, rendering: sink.rendering, since: -1, isGone: false, write: sink.write,
    isStillAllowed: () => {
      const principal = index.principalNow(credential, now())
      return principal !== null && can(principal, 'READ_SET', owner) && index.resolveOwner(owner, null) !== null
    },
    end: (error) => {
      hub.leave(member)
      sink.fail(error)
    },
  }
  try {
    // Rights may have changed between the check above and this tick.
    if (!member.isStillAllowed()) throw rightLost()
    hub.join(member, after, () => firstEvent(index, owner, after))
  } catch (error) {
    member.end(error)
  }
  return () => hub.leave(member)
}

/** null: the whole set. A delta or bookmark only for a cursor of this incarnation that is kept and whose rights still hold. */
export function firstEvent(index: CatalogIndex, owner: OwnerRef, after: string | null): CatalogEvent | null {
  const cursor = after === null ? null : parseCursor(after)
  if (cursor === null || cursor.incarnation !== index.state.incarnation) return null
  const changes = index.changesAfter(cursor.sequence)
  const difference = changes === null ? null : foldChanges(index.state, index.scopeOf(owner), changes)
  if (difference === null) return null
  const trust = { cursor: index.cursor(), trustForSeconds: trustForSeconds(index.state) }
  if (isEmpty(difference)) return { __typename: 'CatalogBookmark', ...trust }
  return { __typename: 'CatalogDelta', ...trust, policy: null, ...difference }
}
