import { execute, type ExecutionArgs } from 'graphql'
import { type SubscribePayload } from 'graphql-ws'
import { WebSocket } from 'ws'
import { type CatalogError } from '../core/errors.js'
import { type CatalogEvent } from '../feed/event.js'
import { type Hub } from '../feed/hub.js'
import { type StreamSink } from '../feed/stream.js'
import { type GraphQLContext } from '../graphql/context.js'
import { type ReportMasked, toGraphQLError } from '../graphql/errors.js'
import { type CatalogIndex } from '../index/catalog-index.js'

/** Subscriptions with the same document and the same variables besides owner and cursor render alike. */
export function renderKeyOf({ query, operationName, variables }: SubscribePayload): string {
  // Whatever variables the document uses, owner and after select the stream and never shape an event.
  const { owner: _, after: __, ...rest } = variables ?? {}
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
  fail: (error: CatalogError) => void
  /** More waits for the socket than may: it must go. */
  overflow: () => void
}

/**
 * Writes `next` frames of `graphql-transport-ws` around a result that was encoded once for everybody.
 * What waits for a slow socket is bounded: past it the socket is closed, and the client resumes by cursor.
 */
export function createSink({ socket, id, args, renderKey, index, hub, maxWaitingBytes, report, fail, overflow }: SinkOptions): StreamSink {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`
  let isFirst = true
  const write = (text: string) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(text)
  }
  return {
    renderKey,
    render: (event) => renderEvent(args, { index, hub, caller: null }, event, report),
    send: (result) => {
      // The first event may be a large snapshot, on a socket that has others to carry; it is not the client's slowness.
      if (!isFirst && socket.bufferedAmount > maxWaitingBytes) return overflow()
      isFirst = false
      write(`${head}${result}}`)
    },
    fail: (error) => {
      write(`{"id":${JSON.stringify(id)},"type":"error","payload":${JSON.stringify([toGraphQLError(error, report).toJSON()])}}`)
      fail(error)
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
