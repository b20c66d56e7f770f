import { type Credential } from '../core/access.js'
import { type DeskFact, deskFacts, type DeskKind, type Viewpoint } from '../core/desk.js'
import { invalid } from '../core/errors.js'
import { type CatalogContext } from '../catalog/context.js'
import { type Reported } from '../db/reported.js'
import { type CatalogIndex } from '../index/catalog-index.js'
import { type Encoded } from './fan-out.js'
import { type Rendering, rightLost } from './hub.js'
import { type CatalogStream, type StreamSink } from './stream.js'

/** That something changed for somebody at the console. State is never in it: whoever may read it asks, and is judged anew. */
export interface DeskChange {
  __typename: 'DeskChange'
  kind: DeskKind
  id: string | null
  /** ISO time. */
  at: string
}

export interface DeskOptions {
  index: CatalogIndex
  now: () => Date
  /** Asked for only while somebody looks. */
  readReported: () => Promise<Reported>
  /** Between two tellings of changes of the catalog; the first of a while is told at once. Default 100 ms. */
  changesMs?: number
  /** Between two looks at what workers reported. Default 1,000 ms. */
  reportedMs?: number
}

interface Member {
  credential: Credential
  rendering: Rendering
  write: StreamSink['write']
  end: (error: unknown) => void
}

export interface Desk {
  /** Tells to read everything, and from then on what changes. Call the answer to leave. */
  join: (member: Member) => () => void
  /** After every batch that the index took. */
  dispatch: (isReload: boolean) => void
  size: () => number
  close: () => void
}

/**
 * Tells people at the console what to read again, wherever it was changed: from the index's own change log, which every node follows. Rights are those of the
 * moment of telling, for each event. Events say so little that many become one: what happens within a tenth of a second is told together, and of one kind at most a
 * few by name. Nothing waits here; whoever does not read is closed by the socket's own bound.
 */
export function createDesk({ index, now, readReported, changesMs = 100, reportedMs = 1_000 }: DeskOptions): Desk {
  const members = new Set<Member>()
  let told = index.state.sequence
  let isLost = false
  let waiting: NodeJS.Timeout | null = null
  let lastAt = -Infinity
  let reported: Reported | null = null
  let isLooking = false

  function tell(facts: readonly DeskFact[]): void {
    const encoded = new Map<string, Encoded>()
    const at = now().toISOString()
    for (const member of members) {
      try {
        const viewpoint = viewpointOf(index, member.credential, now())
        if (viewpoint === null) throw rightLost()
        const events = facts.filter(({ isFor }) => isFor(viewpoint)).map((fact) => encode(index, encoded, member.rendering, fact, at))
        if (events.length > 0) member.write(events)
      } catch (error) {
        // Whoever cannot be told ends alone.
        member.end(error)
      }
    }
  }

  function flush(): void {
    waiting = null
    lastAt = performance.now()
    const changes = isLost ? null : index.changesAfter(told)
    told = index.state.sequence
    isLost = false
    if (members.size > 0) tell(changes === null ? [everything] : deskFacts(changes, (id) => index.state.entries.get(id)))
  }

  async function look(): Promise<void> {
    if (members.size === 0 || isLooking) return
    isLooking = true
    try {
      const before = reported
      const after = reported = await readReported()
      // Who looks for the first time has not read what was reported since they joined.
      const kinds = new Set(reportedKeys.filter((key) => before?.[key] !== after[key]).map((key) => reportedKinds[key]))
      if (kinds.size > 0) tell([...kinds].map((kind) => ({ kind, id: null, isFor: () => true })))
    } catch {
      // The database is away, which the reader of the log tells; the next look finds what changed.
    } finally {
      isLooking = false
    }
  }

  const timer = setInterval(() => void look(), reportedMs)
  return {
    join: (member) => {
      if (members.size === 0) reported = null
      // First: whoever cannot be served is never a member.
      member.write([encode(index, new Map(), member.rendering, everything, now().toISOString())])
      members.add(member)
      return () => void members.delete(member)
    },
    dispatch: (isReload) => {
      isLost ||= isReload
      const restMs = lastAt + changesMs - performance.now()
      if (restMs <= 0 && waiting === null) flush()
      else waiting ??= setTimeout(flush, restMs)
    },
    size: () => members.size,
    close: () => {
      clearInterval(timer)
      if (waiting !== null) clearTimeout(waiting)
    },
  }
}

const reportedKinds = { status: 'WORKER', receipts: 'WORKER', heldTools: 'TOOLS', probes: 'PROBE' } as const satisfies Record<keyof Reported, DeskKind>
const reportedKeys = ['status', 'receipts', 'heldTools', 'probes'] as const
const everything: DeskFact = { kind: 'EVERYTHING', id: null, isFor: () => true }

/** null: whoever it was is nobody any more. */
function viewpointOf(index: CatalogIndex, credential: Credential, now: Date): Viewpoint | null {
  const principal = index.principalNow(credential, now)
  return principal && { principal, scope: index.scopeOf({ kind: 'USER', id: principal.id }) }
}

/** One execution and one encoding for all who ask for the same. */
function encode({ state }: CatalogIndex, encoded: Map<string, Encoded>, rendering: Rendering, { kind, id }: DeskFact, at: string): Encoded {
  const key = JSON.stringify([kind, id, rendering.key])
  const known = encoded.get(key)
  if (known !== undefined) return known
  const made: Encoded = { sequence: state.sequence, isBookmark: false, json: rendering.render({ __typename: 'DeskChange', kind, id, at }) }
  encoded.set(key, made)
  return made
}

/** Opens `deskChanged`; that the caller is a person was asked before. */
export function openDeskStream({ principal: { credential } }: CatalogContext, desk: Desk): CatalogStream {
  return {
    owner: null,
    attach: ({ rendering, write, fail }) => {
      let leave = () => {}
      const end = (error: unknown) => {
        leave()
        fail(error)
      }
      try {
        leave = desk.join({ credential, rendering, write, end })
      } catch (error) {
        end(error)
      }
      return () => leave()
    },
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.reject(invalid('deskChanged', 'Subscriptions are served over WebSocket.', 'Connect with graphql-transport-ws at the same path.')),
    }),
  }
}
