import { type Client } from 'graphql-ws'
import { stringifyDocument } from 'urql'
import { DeskToldDocument, type DeskToldSubscription } from '../generated/graphql.js'
import { type Live, type Topic, topics } from './live.js'

type DeskKind = DeskToldSubscription['deskChanged']['kind']

const topicsOf: Record<DeskKind, readonly Topic[]> = {
  EVERYTHING: topics, ENTRY: ['entries'], APPROVAL: ['approvals', 'entries'], REVOCATION: ['revocations'], TOOLS: ['tools'], SECRET: ['secrets'], POLICY: ['policy', 'entries'],
  PEOPLE: ['people'], TOKEN: ['tokens'], CONSOLE_SESSION: ['signIns'], AUDIT: ['audit'], PROBE: ['probes'],
  // Receipts fill by what workers report.
  WORKER: ['workers', 'revocations'],
}

/**
 * Everything besides entries that one may see: approvals, receipts, workers, secrets, policies, people. Its first event, also after a connection was
 * lost, says EVERYTHING: what was read before this began may be old already.
 * @returns ends it
 */
export function followDesk(client: Client, live: Live): () => void {
  return client.subscribe<DeskToldSubscription>({ query: stringifyDocument(DeskToldDocument) }, {
    next: ({ data }) => {
      if (data != null) live.touch(topicsOf[data.deskChanged.kind])
    },
    // Whatever ends it shows in the state of the connection, or as the end of the sign-in.
    error: () => {},
    complete: () => {},
  })
}
