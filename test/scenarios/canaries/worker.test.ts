import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BindSecretDocument, DeleteSecretDocument, PutSecretDocument, RegisterMcpServerDocument, type RegisterMcpServerInput, SetPolicyDocument } from '../../../src/client/index.js'
import { freePort } from '../../../src/db/free-port.js'
import { type McpAdapter, mcpAdapter } from '../../../src/worker/adapters/mcp.js'
import { relayAdapter } from '../../../src/worker/adapters/relay.js'
import { type CatalogWorker, createCatalogWorker, type WorkerSession } from '../../../src/worker/index.js'
import { usualPath } from '../../../src/worker/launchers.js'
import { canary, commandLines, createSearch, dumpOf, type Hit, plainCanary, startTap, type Tap } from '../../support/canary.js'
import { captureLog } from '../../support/log-lines.js'
import { type TestMcpServer } from '../../support/mcp-servers.js'
import { type BadServer, faults, startBadServer, startMirror, tellingProcess } from '../../support/mirror.js'
import { type Person, startTestServer, type TestServer } from '../../support/server.js'

const control = 'control-7f3k2m9xq4'
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pilothouse-mirror-')))
const log = captureLog()
/** What came out, by where. */
const out: Record<'log of the worker' | 'host' | 'relay' | 'session' | 'command lines', string[]> = { 'log of the worker': [], 'host': [], 'relay': [], 'session': [], 'command lines': [] }
const relayed: string[] = []
let server: TestServer
let alice: Person
let mirror: TestMcpServer
let bad: BadServer
let tap: Tap
let worker: CatalogWorker
let host: McpAdapter
let session: WorkerSession
let relaying: WorkerSession
let client: Client

type Transport = RegisterMcpServerInput['definition']['transport']
const put = async (name: string, value: string) => (await alice.client.execute(PutSecretDocument, { input: { owner: { kind: 'USER' }, name, value } })).putSecret.cursor
async function register(name: string, transport: Transport): Promise<string> {
  const input = { owner: { kind: 'USER' as const }, name, definition: { transport } }
  return (await alice.client.execute(RegisterMcpServerDocument, { input })).registerMcpServer.cursor
}
const http = (url: string, kind: 'http' | 'sse' = 'http') => {
  const remote = { url, headers: [{ name: 'X-Key', value: '${user:token}' }, { name: 'Authorization', value: 'Bearer ${user:token}' }, { name: 'X-Two', value: '${secret:other}:${user:token}' }] }
  return (kind === 'http' ? { http: remote } : { sse: remote }) as Transport
}
const stdio = (how: string): Transport => ({ stdio: { command: 'node', args: [join(folder, 'server.mjs'), how, control], env: [{ name: 'TOKEN', value: '${user:token}' }, { name: 'TWO', value: 'x${secret:other}y${user:token}' }] } })

/** Their values are written in them, and what they say of why they do not run is told upward all the same. */
const staticServers = () => ({
  'own-dies': { command: process.execPath, args: [join(folder, 'server.mjs'), 'dies', control], env: { TOKEN: canary('static') } },
  'own-header': { type: 'http', url: bad.at('401'), headers: { 'X-Key': canary('static'), 'Authorization': `Bearer ${canary('static')}` } },
  'own-query': { type: 'http', url: `${bad.at('404')}?key=${plainCanary('static')}` },
  'own-user': { type: 'http', url: bad.at('500').replace('//', `//${plainCanary('user')}:${plainCanary('password')}@`) },
})

/** Whatever comes of it, told. */
const told = async (where: keyof typeof out, work: Promise<unknown>) => {
  out[where].push(await work.then((value) => JSON.stringify(value), (error: unknown) => `${String(error)} ${JSON.stringify(error)} ${String((error as Error).stack)} ${String((error as Error).cause)}`))
}

beforeAll(async () => {
  writeFileSync(join(folder, 'server.mjs'), tellingProcess)
  // The log tells of it, and of what is in it nothing.
  writeFileSync(join(folder, `${control}.json`), `{"a": ${canary('in a file that is not JSON')}`)
  ;[server, mirror, bad] = await Promise.all([startTestServer({ logTo: log }, { logLevel: 'debug' }), startMirror(control, canary('instructions')), startBadServer(control)])
  alice = await server.user('alice')
  await server.admin.client.execute(SetPolicyDocument, {
    input: {
      owner: { kind: 'DEPLOYMENT' }, expectedRevision: 0, document: {
        transports: { stdio: 'allow', http: 'allow', sse: 'allow' }, stdio: { directories: [folder] }, urls: { insecureHttp: ['127.0.0.1'], privateNetworks: ['127.0.0.0/8'] },
      },
    },
  })
  await put('token', canary('instructions'))
  await put('other', plainCanary('two'))
  await register('mirror', http(mirror.url))
  await register(control, stdio('tells'))
  const { token } = await server.worker()
  tap = await startTap(server.url)
  worker = await createCatalogWorker({
    url: tap.through(server.url), token, workerId: 'w', graceMs: 100, connectTimeoutMs: 2_000, env: { PATH: usualPath }, static: { mcpJson: join(folder, `${control}.json`), inline: { mcpServers: staticServers() } }, log: (line) => out['log of the worker'].push(line),
  })
  const owner = { kind: 'USER' as const, id: alice.id }
  const relay = relayAdapter()
  host = mcpAdapter()
  ;[session, relaying] = await Promise.all([worker.openSession({ id: 'host', owner, adapter: host, grants: 'SET' }), worker.openSession({ id: 'relay', owner, adapter: relay, grants: 'SET' })])
  client = new Client({ name: 'test', version: '1' }, { capabilities: {} })
  const recording: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    const [told, kept] = response.body?.tee() ?? [null, null]
    if (kept !== null) void readAll(kept)
    return new Response(told, { status: response.status, headers: response.headers })
  }
  await client.connect(new StreamableHTTPClientTransport(new URL(relay.endpoint()), { fetch: recording }))
})
afterAll(async () => {
  await client.close()
  await worker.close()
  await Promise.all([tap.close(), mirror.close(), bad.close(), server.close()])
  rmSync(folder, { recursive: true })
})

/** Bodies of the relay, as bytes; a stream ends with its client. */
async function readAll(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader()
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) relayed.push(Buffer.from(part.value).toString('latin1'))
  } catch {
    // It was cut off.
  }
}

/** Everything that can be asked of what runs. */
async function askEverything(): Promise<void> {
  const onProgress = (progress: unknown) => void out.host.push(JSON.stringify(progress))
  await told('host', host.listTools())
  for (const tool of ['mirror-all', 'mirror-wrong', 'mirror-throws', 'mirror-slow', `${control}-env`, `${control}-error`, 'mirror-none']) await told('host', host.callTool(tool, {}, { onProgress }))
  const options = { onprogress: (progress: unknown) => void out.relay.push(JSON.stringify(progress)) }
  for (const asked of [client.listTools(), client.listPrompts(), client.listResources(), client.listResourceTemplates()]) await told('relay', asked)
  for (const name of ['mirror-all', 'mirror-wrong', 'mirror-throws', 'mirror-slow', `${control}-env`, `${control}-error`]) await told('relay', client.callTool({ name }, undefined, options))
  await told('relay', client.getPrompt({ name: 'mirror-ask', arguments: { a: 'x' } }))
  await told('relay', client.readResource({ uri: 'test:///it' }))
  await told('relay', client.complete({ ref: { type: 'ref/prompt', name: 'mirror-ask' }, argument: { name: 'a', value: '' } }))
  out.session.push(JSON.stringify([session.effective, relaying.effective]))
  out['command lines'].push(commandLines())
}

it('what runs shows what it was given in every place, before and after a rotation', async () => {
  await askEverything()
  expect(mirror.requests.at(-1)!['x-key']).toBe(canary('instructions'))
  expect(mirror.requests.at(-1)!['x-two']).toContain(`:${canary('instructions')}`)
  const cursor = await put('token', canary('rotated'))
  await Promise.all([session, relaying].map((one) => one.settled(cursor)))
  await askEverything()
  expect(mirror.requests.at(-1)!['x-key']).toBe(canary('rotated'))
  await told('host', host.callTool(`${control}-exit`))
})

it('what does not run says why', async () => {
  const closed = await freePort()
  const plain = new URL(bad.at('400')).port
  let last = ''
  for (const fault of faults) last = await register(`bad-${fault}`, http(bad.at(fault)))
  for (const [name, url] of [['refused', `http://127.0.0.1:${closed}/`], ['tls', `https://127.0.0.1:${plain}/`], ['nowhere', 'https://nowhere.invalid/mcp'], ['loopback', 'https://169.254.169.254/mcp']]) {
    await register(name!, http(url!)).then((cursor) => { last = cursor }, (error: unknown) => void out.session.push(JSON.stringify(error)))
  }
  for (const fault of ['401', 'garbage', 'redirect'] as const) last = await register(`sse-${fault}`, http(bad.at(fault), 'sse'))
  for (const how of ['dies', 'throws', 'babbles', 'overflows', 'hangs', 'refuses']) last = await register(how, stdio(how))
  out['command lines'].push(commandLines())
  await Promise.all([session, relaying].map((one) => one.settled(last)))
  out['command lines'].push(commandLines())
  // What failed may be at its next try already.
  expect(session.effective.filter(({ state }) => state === 'APPLIED').map(({ name }) => name).sort()).toEqual([control, 'mirror'])
  expect(session.effective.filter(({ name }) => name.startsWith('own-')).length).toBe(Object.keys(staticServers()).length)
  expect(bad.seen.some((headers) => headers['x-key'] === canary('static'))).toBe(true)
  expect(bad.seen.filter((headers) => headers['x-key'] === canary('rotated')).length).toBeGreaterThan(faults.length)
  expect(bad.elsewhere).toEqual([])
  out.session.push(JSON.stringify([session.effective, relaying.effective]))
})

it('what ends says nothing more: unbound, deleted, revoked with a receipt, and with the worker', async () => {
  const { id, digest } = await alice.client.execute(RegisterMcpServerDocument, { input: { owner: { kind: 'USER' }, name: 'later', definition: { transport: http('http://127.0.0.1:1/') } } }).then(({ registerMcpServer: { mcpServer } }) => mcpServer)
  await alice.client.execute(BindSecretDocument, { input: { entryId: id, digest, scope: 'USER', name: 'token', injectionPoint: 'header:X-Key' } })
  const calls = ['mirror-slow', `${control}-env`].map((tool) => told('host', host.callTool(tool)))
  const { deleteSecret: { cursor } } = await alice.client.execute(DeleteSecretDocument, { input: { owner: { kind: 'USER' }, name: 'token' } })
  await Promise.all([...calls, ...[session, relaying].map((one) => one.settled(cursor))])
  await told('host', host.callTool('mirror-all'))
  out.session.push(JSON.stringify([session.effective, relaying.effective]))
  const { id: own } = session.effective.find(({ name }) => name === 'mirror')! as unknown as { id: string }
  const entryId = own ?? session.effective.find(({ name }) => name === 'mirror')!.entryId
  await alice.raw('mutation ($id: ID!) { revokeEntry(input: { id: $id, expectedRevision: 1, reason: "test" }) { cursor revocation { state } } }', { id: entryId })
  for (const who of [alice, server.admin]) {
    const answer = await who.raw('{ workers { id sessions { nodes { id entries { name state reason } } } } explainAvailability(owner: { kind: USER }, kind: MCP_SERVER, name: "mirror") { steps { reason } } }')
    out.session.push(JSON.stringify(answer))
  }
  await client.close()
  await worker.close()
})

it('S14: nothing of any value is in what came out, and what stood beside it is found', async () => {
  const sinks: Record<string, string> = {
    ...Object.fromEntries(Object.entries(out).map(([where, texts]) => [where, texts.join('\n')])), 'bodies of the relay': relayed.join(''),
    'reports to the catalog': tap.up(), 'answers of the catalog': tap.down(), 'database': await dumpOf(server.databaseUrl), 'log of the catalog': log.text(),
  }
  const search = createSearch()
  const found: Hit[] = []
  for (const [sink, text] of Object.entries(sinks)) {
    // The log of the catalog tells of requests alone, and no name is in it.
    if (sink !== 'log of the catalog') expect(createSearch({ control }).hits(sink, text).map(({ what }) => what), sink).toContain('control')
    found.push(...search.hits(sink, text))
  }
  expect(found).toEqual([])
  for (const sink of ['host', 'relay', 'session', 'bodies of the relay']) expect(sinks[sink], sink).toContain('[redacted]')
})
