import { type CatalogContext } from '../catalog/context.js'
import { type Desk } from '../feed/desk.js'
import { type Hub } from '../feed/hub.js'
import { type CatalogIndex } from '../index/catalog-index.js'

/**
 * What resolvers get. Rendering an event has no caller: fields reachable from events never depend on who asks,
 * because one execution serves a whole group of subscribers.
 */
export interface GraphQLContext {
  index: CatalogIndex
  hub: Hub
  desk: Desk
  caller: CatalogContext | null
}

/** The caller of a root field; the HTTP and WebSocket layers let nobody in without one. */
export function callerOf(context: GraphQLContext): CatalogContext {
  if (context.caller === null) throw new Error('this field needs a caller')
  return context.caller
}
