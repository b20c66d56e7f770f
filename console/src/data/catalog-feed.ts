import { type Client } from 'graphql-ws'
import { stringifyDocument } from 'urql'
import { CatalogToldDocument, type CatalogToldSubscription, type OwnerInput } from '../generated/graphql.js'
import { type Live, type Topic } from './live.js'

/** Sets hold entries; what else changed is told by the desk's feed. */
const ofTheFeed: readonly Topic[] = ['entries']

/**
 * Follows one owner's set and tells when it changed. After a dropped connection it goes on from the cursor that it had, so nothing is missed:
 * what changed meanwhile comes first, or a whole snapshot, and both are told.
 * @returns ends it
 */
export function followCatalog(client: Client, live: Live, owner: OwnerInput): () => void {
  let cursor: string | null = null
  // The client sends it again as it then is when it has connected anew.
  const request = { query: stringifyDocument(CatalogToldDocument), get variables() { return { owner, after: cursor } } }
  return client.subscribe<CatalogToldSubscription>(request, {
    next: ({ data }) => {
      const event = data?.catalogChanged
      if (event === undefined) return
      cursor = event.cursor
      if (event.__typename !== 'CatalogBookmark') live.touch(ofTheFeed)
    },
    // The right to read this owner was lost, which is itself a change; whatever else ends it shows in the state of the connection.
    error: () => live.touch(ofTheFeed),
    complete: () => {},
  })
}
