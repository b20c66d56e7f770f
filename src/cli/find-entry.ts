import { AgentsDocument, type CatalogClient, McpServersDocument } from '../client/index.js'
import { parseOwner, UsageError } from './session.js'

/**
 * The id of an entry that somebody names by id, or by name and owner.
 * @throws UsageError when there is none, or a server and an agent of that name
 */
export async function findEntry(client: CatalogClient, nameOrId: string, ownerText: string): Promise<string> {
  if (/^(srv|agt)_[0-9a-f]{24}$/.test(nameOrId)) return nameOrId
  const filter = { owner: parseOwner(ownerText), search: nameOrId, first: 500 }
  const [{ mcpServers }, { agents }] = await Promise.all([client.execute(McpServersDocument, filter), client.execute(AgentsDocument, filter)])
  const found = [...mcpServers.nodes, ...agents.nodes].filter(({ name }) => name === nameOrId)
  if (found.length === 1) return found[0]!.id
  if (found.length === 0) throw new UsageError(`${ownerText} has no entry named ${JSON.stringify(nameOrId)}; name its owner with --owner, or give its id.`)
  throw new UsageError(`${ownerText} has a server and an agent of that name; say which: ${found.map(({ id }) => id).join(' or ')}.`)
}
