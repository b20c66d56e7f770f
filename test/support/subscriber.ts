import { once } from 'node:events'
import { print } from 'graphql'
import { type Client, createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { CatalogChangedDocument, type CatalogChangedSubscription, type OwnerInput } from '../../src/client/index.js'

export type CatalogEvent = CatalogChangedSubscription['catalogChanged']
export type Snapshot = Extract<CatalogEvent, { __typename: 'CatalogSnapshot' }>
export type Delta = Extract<CatalogEvent, { __typename: 'CatalogDelta' }>

/** One subscription over a socket of its own, with the real graphql-ws client. Waits for events, never for time. */
export interface Subscriber {
  /** Everything that came, in order. */
  events: CatalogEvent[]
  /** The next event that was not yet taken; bookmarks are skipped unless asked for. */
  next: (options?: { bookmarks?: boolean }) => Promise<CatalogEvent>
  nextSnapshot: () => Promise<Snapshot>
  nextDelta: () => Promise<Delta>
  /** Resolves once an event at or after this cursor came. */
  reached: (cursor: string) => Promise<void>
  /** What a client that applies everything holds: name and revision by id. */
  view: () => Map<string, string>
  /** How it ended: the errors of the operation, or the close code of the socket. */
  ended: Promise<{ errors: Array<{ message: string; extensions?: Record<string, unknown> }> | null; code: number | null }>
  close: () => Promise<void>
}

export function subscribe(url: string, token: string | null, owner: OwnerInput, after: string | null = null): Subscriber {
  const events: CatalogEvent[] = []
  const waiting = new Set<() => void>()
  let taken = 0
  let end: (how: Awaited<Subscriber['ended']>) => void
  const ended = new Promise<Awaited<Subscriber['ended']>>((resolve) => { end = resolve })
  const wake = () => waiting.forEach((check) => check())
  let socket = null as WebSocket | null
  const client: Client = createClient({
    url, retryAttempts: 0, lazy: true,
    webSocketImpl: WebSocket,
    on: { opened: (opened) => { socket = opened as WebSocket } },
    connectionParams: token === null ? {} : { authorization: `Bearer ${token}` },
  })
  client.subscribe<CatalogChangedSubscription>({ query: print(CatalogChangedDocument), variables: { owner, after } }, {
    next: ({ data, errors }) => {
      if (errors) end({ errors: [...errors] as never, code: null })
      else if (data) events.push(data.catalogChanged)
      wake()
    },
    error: (error) => {
      const code = (error as { code?: number }).code
      end({ errors: Array.isArray(error) ? error : null, code: typeof code === 'number' ? code : null })
      wake()
    },
    complete: () => end({ errors: null, code: null }),
  })
  const until = async <Value>(find: () => Value | undefined): Promise<Value> => {
    const found = find()
    if (found !== undefined) return found
    return new Promise((resolve, reject) => {
      const check = () => {
        const value = find()
        if (value === undefined) return
        waiting.delete(check)
        resolve(value)
      }
      waiting.add(check)
      void ended.then((how) => {
        check()
        if (waiting.delete(check)) reject(new Error(`the subscription ended: ${JSON.stringify(how)}`))
      })
    })
  }
  const next = ({ bookmarks = false } = {}) => until(() => {
    while (taken < events.length) {
      const event = events[taken++]!
      if (bookmarks || event.__typename !== 'CatalogBookmark') return event
    }
    return undefined
  })
  const expectType = async <Name extends CatalogEvent['__typename']>(name: Name) => {
    const event = await next()
    if (event.__typename !== name) throw new Error(`expected a ${name}, got ${JSON.stringify(event)}`)
    return event as Extract<CatalogEvent, { __typename: Name }>
  }
  return {
    events, next, ended,
    nextSnapshot: () => expectType('CatalogSnapshot'),
    nextDelta: () => expectType('CatalogDelta'),
    reached: async (cursor) => { await until(() => (events.some((event) => event.cursor >= cursor) ? true : undefined)) },
    view: () => viewOf(events),
    close: async () => {
      const open = socket
      await client.dispose()
      if (open !== null && open.readyState !== WebSocket.CLOSED) await once(open, 'close')
    },
  }
}

/** Applies events as feed.md says: a snapshot replaces, removals come before upserts. */
export function viewOf(events: CatalogEvent[]): Map<string, string> {
  const view = new Map<string, { id: string; revision: number }>()
  for (const event of events) {
    if (event.__typename === 'CatalogSnapshot') view.clear()
    const removed = event.__typename === 'CatalogDelta' ? event.removed : []
    for (const { kind, name, id } of removed) if (view.get(`${kind}:${name}`)?.id === id) view.delete(`${kind}:${name}`)
    const upserted = event.__typename === 'CatalogSnapshot' ? [...event.mcpServers, ...event.agents] : event.__typename === 'CatalogDelta' ? event.upserted : []
    for (const { kind, name, id, revision } of upserted) view.set(`${kind}:${name}`, { id, revision })
  }
  return new Map([...view].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, { id, revision }]) => [key, `${id}@${revision}`]))
}
