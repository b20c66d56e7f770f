import { invalid } from '../core/errors.js'
import { type OwnerRef } from '../core/owner.js'
import { type CatalogStream } from './stream.js'

/** @param owner whose set it tells; null: none's */
export function pushedStream(field: string, owner: OwnerRef | null, attachTo: CatalogStream['attach']): CatalogStream {
  return {
    owner, attach: attachTo,
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.reject(invalid(field, 'Subscriptions are served over WebSocket.', 'Connect with graphql-transport-ws at the same path, or run `pilothouse watch`.')),
    }),
  }
}
