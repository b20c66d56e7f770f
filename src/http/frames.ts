import { type DocumentNode, execute, type ExecutionArgs, type GraphQLError, Kind, print } from 'graphql'
import { type SubscribePayload } from 'graphql-ws'
import { WebSocket } from 'ws'
import { type Observer } from '../catalog/observer.js'
import { type CatalogEvent } from '../feed/event.js'
import { type Hub } from '../feed/hub.js'
import { type StreamSink } from '../feed/stream.js'
import { type GraphQLContext } from '../graphql/context.js'
import { type ReportMasked, toGraphQLError } from '../graphql/errors.js'
import { type CatalogIndex } from '../index/catalog-index.js'

/**
 * Subscriptions with the same document and the same variables besides owner and cursor render alike. Only
 * `catalogChanged` takes those two types, and nothing behind an event does, so by type they are told from the rest.
 */
export function renderKeyOf({ query, operationName, variables }: SubscribePayload, document: DocumentNode): string {
  const selecting = new Set(document.definitions.flatMap((definition) => (
    definition.kind === Kind.OPERATION_DEFINITION ? definition.variableDefinitions ?? [] : []
  )).filter(({ type }) => /^(OwnerInput|Cursor)!?$/.test(print(type))).map(({ variable }) => variable.name.value))
  const rest = Object.entries(variables ?? {}).filter(([name]) => !selecting.has(name))
  return JSON.stringify([query, operationName ?? null, rest])
}

export interface SinkOptions {
  socket: WebSocket
  id: string
  args: ExecutionArgs
  renderKey: string
  index: CatalogIndex
  hub: Hub
  maxWaitingBytes: number
  report: ReportMasked
  observer: Observer
  /** The error has been sent; the operation is over. */
  fail: (error: GraphQLError) => void
  /** More waits for the socket than may: it must go. */
  overflow: () => void
}

/**
 * Writes `next` frames of `graphql-transport-ws` around a result that was encoded once for everybody.
 * What waits for a slow socket is bounded: past it the socket is closed, and the client resumes by cursor.
 */
export function createSink(
  { socket, id, args, renderKey, index, hub, maxWaitingBytes, report, observer, fail, overflow }: SinkOptions,
): StreamSink & { firstLeft: Promise<void> } {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`
  let isFirst = true
  let left = () => {}
  const firstLeft = new Promise<void>((resolve) => { left = resolve })
  const write = (text: string) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(text, () => left())
    else left()
  }
  return {
    firstLeft,
    renderKey,
    render: (event) => {
      observer.rendered(event.__typename)
      return renderEvent(args, { index, hub, caller: null }, event, report)
    },
    send: (result) => {
      // The first event may be a large snapshot; only one of them waits at a time.
      if (!isFirst && socket.bufferedAmount > maxWaitingBytes) return overflow()
      isFirst = false
      write(`${head}${result}}`)
    },
    fail: (error) => {
      const masked = toGraphQLError(error, report)
      write(`{"id":${JSON.stringify(id)},"type":"error","payload":${JSON.stringify([masked.toJSON()])}}`)
      fail(masked)
    },
  }
}

/** One execution of the subscriber's document on one event. No resolver behind an event waits for anything. */
function renderEvent(args: ExecutionArgs, contextValue: GraphQLContext, event: CatalogEvent, report: ReportMasked): string {
  const result = execute({ ...args, rootValue: event, contextValue })
  if (result instanceof Promise) throw new Error('an event must render synchronously')
  const errors = result.errors?.map((error) => toGraphQLError(error, report).toJSON())
  return JSON.stringify(errors === undefined ? result : { ...result, errors })
}
