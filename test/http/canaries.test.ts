import { once } from 'node:events'
import { request } from 'node:http'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { captureLog } from '../support/log-lines.js'
import { post, startTestServer, type TestServer } from '../support/server.js'

const log = captureLog()
let server: TestServer
beforeAll(async () => { server = await startTestServer({ logTo: log }, { logLevel: 'debug' }) })
afterAll(() => server.close())

const canary = 'CanaryQ7x'
/** As those who issue them write tokens, where names and ids are logged. */
const token = ['ghp', `0aB1cD2eF3gH4iJ5kL6m${canary}`].join('_')
const register = 'mutation Register($input: RegisterMcpServerInput!) { registerMcpServer(input: $input) { cursor } }'
const http = (more: object) => ({ owner: { kind: 'USER' }, name: 'ok-name', definition: { transport: { http: { url: 'https://a.example.com', ...more } } } })
const stdio = (more: object) => ({ owner: { kind: 'USER' }, name: 'ok-name', definition: { transport: { stdio: { command: 'npx', args: [], ...more } } } })

/** What goes wrong, with a secret in it: one row a way, and the code it is refused with; null where it is taken. */
const failures: Array<[string, unknown, string | null]> = [
  ['a header value, stored', { query: register, variables: { input: http({ headers: [{ name: 'Authorization', value: `Bearer ${canary}` }] }) } }, null],
  ['a header value that is refused', { query: register, variables: { input: http({ headers: [{ name: 'X', value: `\${${canary}}` }] }) } }, 'POLICY_DENIED'],
  ['the password of a URL', { query: register, variables: { input: http({ url: `https://me:${canary}@a.example.com/?k=${canary}` }) } }, 'POLICY_DENIED'],
  ['a value of the environment', { query: register, variables: { input: { ...stdio({ env: [{ name: 'PATH', value: canary }] }), name: 'envs' } } }, null],
  ['a name', { query: register, variables: { input: { ...http({}), name: `no such ${canary}` } } }, 'POLICY_DENIED'],
  ['a variable of the wrong type', { query: register, variables: { input: canary } }, 'INVALID_INPUT'],
  ['a field that is none', { query: register, variables: { input: { ...http({}), [canary]: canary } } }, 'INVALID_INPUT'],
  ['an enum that is none', { query: register, variables: { input: { ...http({}), owner: { kind: canary } } } }, 'INVALID_INPUT'],
  ['an id', { query: 'query Q($id: ID!) { mcpServer(id: $id) { id } node(id: $id) { id } }', variables: { id: canary } }, null],
  ['an id to change', { query: 'mutation M($id: ID!) { deleteEntry(input: { id: $id, expectedRevision: 1 }) { cursor } }', variables: { id: canary } }, 'NOT_FOUND'],
  ['an owner', { query: 'query Q($id: ID!) { mcpServers(owner: { kind: USER, id: $id }) { nodes { id } } }', variables: { id: canary } }, 'NOT_FOUND'],
  ['a cursor', { query: 'query Q($c: String!) { mcpServers(after: $c) { nodes { id } } }', variables: { c: canary } }, null],
  ['a literal', { query: `{ mcpServer(id: "${canary}") { id } }` }, null],
  ['a document that cannot be parsed', { query: `{ "${canary}` }, 'INVALID_INPUT'],
  ['a document that is not valid', { query: `{ mcpServers(search: "x", ${canary}: "${canary}") { nodes { id } } }` }, 'INVALID_INPUT'],
  ['an import', { query: 'mutation I($text: String!) { importCatalog(input: { owner: { kind: USER }, format: MCP_JSON, text: $text }) { cursor } }', variables: { text: `{"${canary}` } }, 'INVALID_INPUT'],
  ['a policy', { query: 'mutation P($d: JSON!) { setPolicy(input: { owner: { kind: DEPLOYMENT }, expectedRevision: 0, document: $d }) { cursor } }', variables: { d: { [canary]: canary } } }, 'INVALID_INPUT'],
  ['a masked error', { query: 'mutation T($n: String!) { createTeam(slug: "broken", displayName: $n) { id } }', variables: { n: canary } }, 'INTERNAL'],
  ['a token for a name in the document', { query: `query ${token} { viewer { principal { id } } }` }, null],
  ['a token for an owner', { query: 'query Q($id: ID!) { mcpServers(owner: { kind: TEAM, id: $id }) { nodes { id } } }', variables: { id: token } }, 'NOT_FOUND'],
  ['an operation name', { query: '{ viewer { principal { id } } }', operationName: `${canary}${'x'.repeat(70)}` }, null],
]

/** All codes of an answer. */
const codesOf = (errors: Array<{ extensions: Record<string, unknown> }> | undefined) => (errors ?? []).map(({ extensions }) => String(extensions.code))

beforeAll(async () => {
  const sql = postgres(server.databaseUrl, { max: 1, onnotice: () => {} })
  await sql.unsafe(`create function refuse() returns trigger language plpgsql as $$ begin raise exception using message = 'bad: ' || new.display_name, errcode = '22P02'; end $$`)
  await sql`create trigger refuse before insert on team for each row execute function refuse()`
  await sql.end()
})

it.each(failures)('a secret in %s goes the way it should, over HTTP and a socket', async (_, body, code) => {
  const answer = await post(server.url, server.admin.token, body)
  if (code !== null) expect(codesOf(answer.errors)).toContain(code)
  const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${server.admin.token}`, [canary]: canary } }))
  await once(socket, 'message')
  socket.send(JSON.stringify({ type: 'subscribe', id: canary, payload: body }))
  const [data] = await once(socket, 'message') as [Buffer]
  const { payload } = JSON.parse(String(data)) as { payload: Array<{ extensions: object }> | { errors?: unknown } }
  if (code !== null) expect(JSON.stringify(payload)).toContain(code)
  const closed = once(socket, 'close')
  socket.close()
  await closed
  if (code === 'INTERNAL') expect(JSON.stringify([answer, payload])).not.toContain(canary)
})

it('S14: nothing of it, nor of requests that nobody was let in with, is in the log or the metrics', async () => {
  const strange: Array<[path: string, headers: Record<string, string>]> = [
    [`/graphql?query=${canary}&token=${canary}`, { authorization: `Bearer ${canary}` }],
    ['/graphql', { authorization: `Bearer pht_${canary.padEnd(43, 'x')}`, cookie: canary, 'user-agent': canary, 'x-request-id': `${canary} ${canary}` }],
    [`/${token}`, { 'x-request-id': token }], [`/graphql/${token}`, {}],
    [`/pht_${canary}`, { 'x-request-id': `pht_${canary}` }], ['/', { host: `${canary}/` }], ['/', { origin: `http://${canary}`, referer: canary }],
  ]
  for (const [path, headers] of strange) {
    const sent = request({ host: '127.0.0.1', port: new URL(server.url).port, path, headers }).end()
    const [response] = await once(sent, 'response') as [NodeJS.ReadableStream]
    response.resume()
    await once(response, 'end')
  }
  const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws', { headers: { authorization: canary } })
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${canary}` } }))
  await once(socket, 'close')
  const metrics = await fetch(new URL('/metrics', server.url), { headers: { authorization: `Bearer ${server.admin.token}` } })
  const last = metrics.headers.get('x-request-id')
  expect(await metrics.text()).not.toContain(canary)
  await log.line({ requestId: last })
  expect(log.lines.filter(({ msg }) => msg === 'request').length).toBeGreaterThan(failures.length)
  expect(log.lines.filter(({ msg }) => msg === 'masked error')).toHaveLength(2)
  expect(log.text()).not.toContain(canary)
  expect(log.text()).not.toContain(server.admin.token)
  expect(log.text()).not.toMatch(/ph[tw]_|mutation Register|authorization/i)
})
