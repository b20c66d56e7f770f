import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createSchema, createYoga } from 'graphql-yoga'
import postgres from 'postgres'
import { serve } from './baseline.js'

/**
 * The two ends of what loading a set can cost. POST: the naive way, GraphQL Yoga over rows of Postgres, with the types of
 * our own schema and a copy of our own table, so that it answers the same bytes. GET /?bytes=N: a ready buffer.
 * Usage: baseline-snapshot.ts DATABASE_URL
 */
interface Row {
  id: string
  kind: string
  name: string
  visibility: string
  audience: unknown[]
  enabled: boolean
  locked: boolean
  definition: { description: string; transport: { kind: string }; tools: unknown; timeoutMs: number | null; default: boolean }
  digest: string
  revision: number
  apply: string
}

const sql = postgres(process.argv[2]!, { max: 10, onnotice: () => {} })
const owner = { kind: 'DEPLOYMENT', id: 'deployment', displayName: 'Deployment' }

const rowsOf = (kind: string) => sql<Row[]>`
  select id, kind, name, visibility, audience, enabled, locked, definition, digest, revision, apply
  from entry where kind = ${kind} and owner_kind = 'DEPLOYMENT' and visibility = 'PUBLIC' and deleted_at is null order by name`

const toMcpServer = ({ definition, ...row }: Row) => ({ ...row, ...definition, owner, status: row.enabled ? 'ACTIVE' : 'DISABLED', statusReason: null })

const yoga = createYoga({
  logging: false,
  graphiql: false,
  schema: createSchema({
    typeDefs: readFileSync(new URL('../schema.graphql', import.meta.url), 'utf8'),
    resolvers: {
      Query: {
        effectiveCatalog: async () => ({
          owner, cursor: '00000000-00000000000000', mcpServers: (await rowsOf('MCP_SERVER')).map(toMcpServer), agents: await rowsOf('AGENT'),
        }),
      },
      McpTransport: { __resolveType: ({ kind }: { kind: string }) => kind === 'STDIO' ? 'StdioTransport' : 'RemoteTransport' },
    },
  }),
})

const ready = new Map<number, Buffer>()

function readyBytes(size: number): Buffer {
  const bytes = ready.get(size) ?? Buffer.alloc(size, 'x')
  ready.set(size, bytes)
  return bytes
}

serve(createServer((request, response) => {
  if (request.method === 'POST') return void yoga(request, response)
  const bytes = readyBytes(Number(/bytes=(\d+)/.exec(request.url ?? '')?.[1] ?? 0))
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length }).end(bytes)
}))
