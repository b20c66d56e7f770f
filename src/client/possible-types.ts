/**
 * Which types stand behind each interface and union of the schema. Caches that match fragments by themselves need it, as in
 * Apollo's `new InMemoryCache({ possibleTypes })`; without it they drop the fields of such fragments.
 */
export const possibleTypes: Record<string, string[]> = {
  CatalogEntry: ['Agent', 'McpServer'],
  CatalogEvent: ['CatalogBookmark', 'CatalogDelta', 'CatalogSnapshot'],
  McpTransport: ['RemoteTransport', 'StdioTransport'],
  Node: ['AccessToken', 'Agent', 'Approval', 'AuditEvent', 'McpServer', 'Revocation', 'Secret', 'Team', 'User', 'Worker'],
}
