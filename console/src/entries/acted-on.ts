import { type EntryStatus, type OwnerKind } from '../generated/graphql.js'

/** What acts have to know of an entry, an MCP server's or an agent's. */
export interface ActedOn {
  id: string
  name: string
  owner: { kind: OwnerKind; id: string }
  enabled: boolean
  status: EntryStatus
  revision: number
}
