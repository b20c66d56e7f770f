import childProcess from 'node:child_process'
import dgram from 'node:dgram'
import dns from 'node:dns'
import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import net from 'node:net'
import tls from 'node:tls'
import { buildSchema, type GraphQLObjectType } from 'graphql'
import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toMcpJson } from '../../src/core/mcp-json.js'
import { createFeedTransport } from '../../src/worker/transport.js'
import { openBrowser } from '../support/browser.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'
import { definitionOf, judgedFiles, vectorsOf } from '../support/vectors.js'
import { spyOnWaysOut, type WayOutSpy } from '../support/way-out-spy.js'

const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'))

type Kind = 'query' | 'mutation'
type Answer = Record<string, unknown> | null

let server: TestServer
let spy: WayOutSpy
let admin: Person
let alice: Person
/** Fields that gave an answer that was no refusal. */
const answered = new Set<string>()
const refusals = new Set<string>()

beforeAll(async () => {
  server = await startTestServer()
  admin = server.admin
  alice = await server.user('alice')
  const own = [server.url, server.databaseUrl].map((url) => new URL(url))
  // One may be written localhost, and is connected to by an address.
  const ports = new Set(own.map(({ port }) => port === '' ? '5432' : port))
  spy = spyOnWaysOut((target) => {
    const [host = '', port] = target.split(' ')
    const isOwn = ['127.0.0.1', '::1'].includes(host) || own.some(({ hostname }) => hostname === host)
    return target.includes('.s.PGSQL.') || (isOwn && (port === undefined || ports.has(port)))
  })
})
afterAll(async () => {
  await server.close()
  spy.restore()
  // What came late, of the server's end too.
  expect(spy.seen).toEqual([])
})

/** Calls one root field with what it takes; a refusal is an answer of null. */
async function ask(kind: Kind, who: Person, field: string, variables: Record<string, unknown> = {}, selection = ''): Promise<Answer> {
  const root = kind === 'query' ? schema.getQueryType() : schema.getMutationType()
  const args = root!.getFields()[field]!.args.filter(({ name }) => name in variables)
  const head = args.length === 0 ? '' : `(${args.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ')})`
  const passed = args.length === 0 ? '' : `(${args.map(({ name }) => `${name}: $${name}`).join(', ')})`
  const { data, errors } = await who.raw(`${kind} ${head} { answer: ${field}${passed} ${selection} }`, variables)
  if (errors === undefined) answered.add(`${kind} ${field}`)
  else for (const { message, extensions } of errors) refusals.add(`${field}: ${String(extensions.code)} ${message}`)
  return (data?.answer ?? null) as Answer
}
const mutate = (who: Person, field: string, variables?: Record<string, unknown>, selection?: string) => ask('mutation', who, field, variables, selection)
const query = (who: Person, field: string, variables?: Record<string, unknown>, selection?: string) => ask('query', who, field, variables, selection)

const revisionOf = async (id: string) => ((await query(admin, 'node', { id }, '{ ... on CatalogEntry { revision } }'))?.revision ?? 0) as number

/** What the entry's people can do with it once it is there, whatever its definition is. */
async function live(who: Person, kind: 'MCP_SERVER' | 'AGENT', id: string, name: string): Promise<void> {
  const entry = '{ entry { id } }'
  const at = async () => ({ id, expectedRevision: await revisionOf(id) })
  await query(who, 'explainAvailability', { kind, name, owner: { kind: 'USER' } }, '{ available steps { check reason } }')
  await query(who, 'entryHistory', { id }, '{ nodes { definition } }')
  await mutate(who, 'rollbackEntry', { input: { ...await at(), toRevision: 1 } }, entry)
  for (const change of [{ enabled: false, mode: 'IMMEDIATE' }, { enabled: true }]) await mutate(who, 'setEntryEnabled', { input: { ...await at(), ...change } }, entry)
  await query(who, 'effectiveCatalog', { owner: { kind: 'USER' } }, '{ mcpServers { name mcpJson } agents { name } }')
  await query(who, 'convergence', { entryId: id }, '{ workers }')
  await query(who, 'revocationImpact', { entryId: id }, '{ nodes { id } }')
  const revoked = await mutate(who, 'revokeEntry', { input: { id, reason: '$(id)' } }, '{ revocation { id } }')
  await query(who, 'revocation', { id: (revoked!.revocation as { id: string }).id }, '{ state }')
  await mutate(who, 'restoreEntry', { input: await at() }, entry)
  await mutate(who, 'deleteEntry', { input: await at() }, entry)
}

async function decide(decision: 'APPROVE' | 'REJECT'): Promise<void> {
  const pending = await query(admin, 'approvals', { state: 'PENDING' }, '{ nodes { id digest } }')
  for (const { id, digest } of pending!.nodes as Array<{ id: string, digest: string }>) {
    await query(admin, 'approval', { id }, '{ diff }')
    await mutate(admin, 'decideApproval', { input: { id, digest, decision } }, '{ approval { state } }')
  }
}

/** Every reference of an entry, once a value is there for it. */
async function confirm(entryId: string): Promise<void> {
  const owner = { kind: 'USER' }
  await mutate(alice, 'putSecret', { input: { owner, name: 'token', value: '$(id) `id` https://localhost.example.com' } }, '{ secret { version } }')
  const server = await query(alice, 'mcpServer', { id: entryId }, '{ digest }')
  const bindings = await query(alice, 'secretBindings', { entryId }, '{ bound reason reference { scope name injectionPoint } }') as unknown as Array<{ reference: object }>
  for (const { reference } of bindings) await mutate(alice, 'bindSecret', { input: { entryId, digest: server!.digest, ...reference } }, '{ entry { id } }')
  await query(alice, 'secrets', { owner }, '{ name usedBy { name } }')
  await mutate(alice, 'deleteSecret', { input: { owner, name: 'token' } }, '{ secret { version } }')
}

/** Starts programs and opens sockets, each by another way; what they throw or answer does not matter. */
const waysOut: Array<[what: string, seen: string, go: () => unknown]> = [
  ['spawn', 'spawn true', () => childProcess.spawn('true')],
  ['exec', 'spawn /bin/sh', () => childProcess.exec('true')],
  ['execFile', 'spawn true', () => childProcess.execFile('true')],
  ['fork', `spawn ${process.execPath}`, () => childProcess.fork('true.js')],
  ['spawnSync', 'spawn true', () => childProcess.spawnSync('true')],
  ['execSync', 'spawn /bin/sh', () => childProcess.execSync('true')],
  ['execFileSync', 'spawn true', () => childProcess.execFileSync('true')],
  ['fetch by address', 'connect 192.0.2.1 80', () => fetch('http://192.0.2.1/')],
  ['fetch by name', 'resolve a.example.com', () => fetch('https://a.example.com/')],
  ['net', 'connect 192.0.2.1 81', () => failed(net.connect(81, '192.0.2.1'))],
  ['net, IPv6', 'connect 2001:db8::1 81', () => failed(net.connect(81, '2001:db8::1'))],
  ['tls', 'connect 192.0.2.1 443', () => failed(tls.connect(443, '192.0.2.1'))],
  ['http2', 'connect 192.0.2.1 443', () => failed(http2.connect('https://192.0.2.1'))],
  ['a Unix socket', 'connect /run/docker.sock', () => failed(net.connect('/run/docker.sock'))],
  ['UDP', 'connect 192.0.2.1 53', () => new Promise((resolve) => {
    const socket = dgram.createSocket('udp4')
    socket.send('x', 53, '192.0.2.1', () => socket.close(() => resolve(null)))
  })],
  ['lookup', 'resolve b.example.com', () => new Promise((resolve) => dns.lookup('b.example.com', resolve))],
  ['lookup, promised', 'resolve c.example.com', () => dns.promises.lookup('c.example.com')],
  ['resolve', 'resolve d.example.com', () => dns.promises.resolve4('d.example.com')],
]

function failed(socket: NodeJS.EventEmitter): Promise<unknown> {
  return new Promise((resolve) => socket.once('error', resolve))
}

describe('the spy', () => {
  it.each(waysOut)('sees %s', async (_, seen, go) => {
    await Promise.resolve().then(go).catch(() => {})
    expect(spy.seen.splice(0)).toContain(seen)
  })
})

/** Programs that would leave a trace, and addresses that something could answer at. */
const mcpServers: Array<[name: string, transport: object]> = [
  ['pinned-package', { stdio: { command: 'npx', args: ['-y', 'srv@1.0.0'], env: [{ name: 'TOKEN', value: '${secret:token}' }] } }],
  ['script', { stdio: { command: 'node', args: ['/srv/mcp/server.js'], cwd: '/srv/mcp' } }],
  ['executable', { stdio: { command: '/opt/mcp/server', args: ['--flag'] } }],
  ['image', { stdio: { command: 'docker', args: ['run', '-i', '--rm', `ghcr.io/a/b@sha256:${'0'.repeat(64)}`] } }],
  ['shell', { stdio: { command: 'sh', args: ['-c', 'touch /tmp/pilothouse-spawned'] } }],
  ['evaluated', { stdio: { command: 'node', args: ['-e', 'process.exit()'] } }],
  ['expanded', { stdio: { command: '${SHELL}', args: ['$(id)', '`id`'] } }],
  ['by-name', { http: { url: 'https://localhost.example.com/mcp', headers: [{ name: 'Authorization', value: 'Bearer ${user:token}' }] } }],
  ['by-address', { http: { url: 'http://127.0.0.1:9/mcp' } }],
  ['metadata', { http: { url: 'http://169.254.169.254/latest/meta-data' } }],
  ['events', { sse: { url: 'https://events.example.com/sse' } }],
  ['file', { http: { url: 'file:///etc/passwd' } }],
]

const openPolicy = {
  transports: { stdio: 'approve', http: 'allow', sse: 'allow' },
  mcpServers: { deny: [{ serverUrl: 'https://*.evil.example/*' }, { serverCommand: ['npx', '-y', 'evil@1.0.0'] }] },
  urls: { insecureHttp: ['127.0.0.1', '169.254.169.254'], privateNetworks: ['127.0.0.0/8', '169.254.0.0/16'] },
  quotas: { entriesPerUser: 500 },
}

describe('S1, S2, S9: the control plane starts no process and opens no socket', () => {
  it('with a policy that lets nearly everything in', async () => {
    const input = { owner: { kind: 'DEPLOYMENT' }, expectedRevision: 0, document: openPolicy }
    await query(admin, 'simulatePolicy', { input }, '{ nodes { entry { id } } }')
    expect(await mutate(admin, 'setPolicy', { input }, '{ policy { revision warnings { message } } }')).not.toBeNull()
    await query(admin, 'policy', { owner: { kind: 'DEPLOYMENT' } }, '{ document }')
    expect(spy.seen).toEqual([])
  })

  it.each(mcpServers)('in the life of an MCP server: %s', async (name, transport) => {
    const subscriber = await alice.watch()
    const input = { owner: { kind: 'USER' }, name, definition: { transport } }
    await query(alice, 'validateMcpServer', { input }, '{ kind }')
    const registered = await mutate(alice, 'registerMcpServer', { input }, '{ mcpServer { id digest } }')
    if (registered !== null) {
      const { id } = registered.mcpServer as { id: string }
      await query(alice, 'validateMcpServer', { input, entryId: id }, '{ kind }')
      await decide('APPROVE')
      await mutate(alice, 'updateMcpServer', { input: { id, expectedRevision: await revisionOf(id), definition: { transport, timeoutMs: 1_000 } } }, '{ mcpServer { id } }')
      await decide('REJECT')
      await query(alice, 'mcpServer', { id }, '{ mcpJson secretReferences { name } status }')
      await query(alice, 'mcpServers', {}, '{ nodes { mcpJson } }')
      await confirm(id)
      await live(alice, 'MCP_SERVER', id, name)
    }
    expect(registered === null).toBe(['shell', 'evaluated', 'expanded', 'file'].includes(name))
    await subscriber.close()
    expect(spy.seen).toEqual([])
  })

  it('in the life of an agent', async () => {
    const input = { owner: { kind: 'USER' }, name: 'helper', definition: { prompt: '!`id` $(id) https://localhost.example.com', model: 'sh -c id', mcpServers: ['script'], skills: ['s'], tools: ['bash'] } }
    await query(alice, 'validateAgent', { input }, '{ kind }')
    const { id } = (await mutate(alice, 'registerAgent', { input }, '{ agent { id } }'))!.agent as { id: string }
    await mutate(alice, 'updateAgent', { input: { id, expectedRevision: 1, definition: { prompt: 'x', inheritDefaultMcpServers: true } } }, '{ agent { id } }')
    await query(alice, 'agent', { id }, '{ prompt }')
    await query(alice, 'agents', {}, '{ nodes { name } }')
    await live(alice, 'AGENT', id, 'helper')
    expect(spy.seen).toEqual([])
  })

  const hostileKeys = { headersHelper: 'sh -c id', envFile: '/etc/passwd', hooks: { start: 'id' }, preLaunch: 'id' }
  const texts: Array<[format: string, text: string]> = [
    ...judgedFiles.flatMap(([file]) => {
      const servers = Object.fromEntries(vectorsOf(file).map((vector, at) => [`v${at}`, { ...toMcpJson(definitionOf(vector)), ...hostileKeys }]))
      return [['MCP_JSON', JSON.stringify({ mcpServers: servers })], ['PILOTSWARM', JSON.stringify(servers)]] as Array<[string, string]>
    }),
    ['AGENT_MD', '---\nschemaVersion: 2\nversion: 1\nname: imported\nmcpServers: [v0]\nhooks: id\n---\n!`id`\n'],
    ['MCP_JSON', '{"$ref": "https://localhost.example.com/schema.json"}'],
  ]

  it.each(texts)('by an import, %s', async (format, text) => {
    const importer = await server.user(`importer-${texts.findIndex((each) => each[1] === text)}`)
    for (const more of [{ dryRun: true }, { onConflict: 'SKIP' }, { onConflict: 'UPDATE' }, { onConflict: 'RENAME', dryRun: true }, { onConflict: 'FAIL' }]) {
      await mutate(importer, 'importCatalog', { input: { owner: { kind: 'USER' }, format, text, ...more } }, '{ items { outcome findings { rule } } }')
    }
    expect(spy.seen).toEqual([])
  })

  it('by what people, teams, tokens and workers do', async () => {
    const user = (await mutate(admin, 'createUser', { provider: 'https://localhost.example.com', subject: '$(id)', displayName: '`id`', role: 'USER' }, '{ id }'))!.id as string
    await mutate(admin, 'setUserRole', { userId: user, role: 'ADMIN' }, '{ id }')
    const team = (await mutate(admin, 'createTeam', { slug: 'crew', displayName: 'sh -c id' }, '{ id }'))!.id as string
    await mutate(admin, 'setTeamMember', { team, userId: user, role: 'MAINTAINER' }, '{ id }')
    await mutate(admin, 'removeTeamMember', { team, userId: user }, '{ id }')
    await query(admin, 'teams', {}, '{ id }')
    await query(admin, 'users', {}, '{ nodes { id } }')
    await query(admin, 'viewer', {}, '{ principal { id } }')
    const token = (await mutate(admin, 'createAccessToken', { input: { kind: 'PERSONAL', name: '$(id)', userId: user } }, '{ accessToken { id } }'))!.accessToken as { id: string }
    await query(admin, 'accessTokens', {}, '{ nodes { id } }')
    await mutate(admin, 'revokeAccessToken', { id: token.id }, '{ id }')
    await openBrowser(server.url).signIn(alice.token)
    const browsers = (await query(alice, 'consoleSessions', {}, '{ nodes { id } }'))!.nodes as Array<{ id: string }>
    await mutate(alice, 'endConsoleSession', { id: browsers[0]!.id }, '{ endedAt }')
    await mutate(alice, 'endOtherConsoleSessions')
    expect(await mutate(admin, 'deleteTeam', { team })).toBe(team)
    await mutate(admin, 'deactivateUser', { userId: user }, '{ id }')
    const worker = await server.worker()
    const entries = [{ kind: 'MCP_SERVER', name: 'static', origin: '/srv/plugin/.mcp.json', state: 'APPLIED', reason: 'https://localhost.example.com' }]
    const session = { id: 's', owner: { kind: 'USER', id: alice.id }, entries }
    await mutate(worker, 'reportWorkerStatus', { input: { workerId: 'w', processId: 'p', number: 1, full: true, sessions: [session] } }, '{ accepted }')
    const owner = { kind: 'USER' }
    await mutate(alice, 'putSecret', { input: { owner, name: 'leased', value: '$(id)' } }, '{ secret { version } }')
    const leased = { http: { url: 'https://leased.example.com/', headers: [{ name: 'X', value: '${user:leased}' }] } }
    const registered = await mutate(alice, 'registerMcpServer', { input: { owner, name: 'leased', definition: { transport: leased } } }, '{ mcpServer { id } }')
    const { kty, crv, x, y } = await exportJWK((await generateKeyPair('ECDH-ES', { crv: 'P-256' })).publicKey)
    const { id: entryId } = registered!.mcpServer as { id: string }
    await mutate(worker, 'leaseSecrets', { input: { entryId, revision: 1, owner: session.owner, sessionId: 's', recipientKey: { kty, crv, x, y } } }, '{ id expiresAt values }')
    const { digest } = (await query(alice, 'mcpServer', { id: entryId }, '{ digest }')) as { digest: string }
    const seen = (hash: string) => ({ name: 'add', hash: hash.repeat(64), text: '$(id) https://localhost.example.com' })
    for (const hash of ['a', 'b']) await mutate(worker, 'reportToolInventory', { input: { entryId, digest, owner: session.owner, tools: [seen(hash)] } }, '{ pins { version } }')
    await query(alice, 'toolInventory', { entryId }, '{ held { diff } }')
    await query(alice, 'heldTools', {}, '{ nodes { held { name } } }')
    await mutate(alice, 'acceptTools', { input: { entryId, digest, tools: [{ name: 'add', hash: 'b'.repeat(64) }] } }, '{ cursor }')
    // A worker that waits for it, as the API sees one; what it would start, it does.
    const transport = createFeedTransport({ url: server.url, token: worker.token })
    const offered = new Promise<string>((resolve) => transport.subscribeProbes('w', (message) => { if (message.type === 'EVENT') resolve(message.event) }))
    let probe = null as Answer
    for (let state = 'REFUSED'; state === 'REFUSED'; state = probe!.state as string) {
      probe = (await mutate(alice, 'requestProbe', { input: { entryId, seconds: 5 } }, '{ probe { id state code reason } }'))!.probe as Answer
    }
    expect(await offered).toBe(probe!.id)
    const taker = { id: probe!.id, workerId: 'w', processId: 'p' }
    expect(await mutate(worker, 'takeProbe', { input: taker }, '{ task { entryId seconds } }')).toMatchObject({ task: { entryId } })
    const found = { tools: [{ name: '$(id)', description: 'https://localhost.example.com' }], toolCount: 1, toolsHeld: [] }
    await mutate(worker, 'reportProbe', { input: { ...taker, succeeded: true, inventory: found } }, '{ accepted }')
    expect(await query(alice, 'probe', { id: probe!.id }, '{ state inventory { tools { name } } }')).toMatchObject({ state: 'SUCCEEDED' })
    await query(alice, 'probes', { entryId }, '{ id }')
    transport.close()
    await query(admin, 'workers', {}, '{ id sessions { nodes { id } } }')
    await query(admin, 'revocations', {}, '{ nodes { id } }')
    await query(alice, 'entrySessions', { entryId }, '{ nodes { id } }')
    await query(admin, 'auditEvents', { first: 500 }, '{ nodes { action summary about { name } } }')
    await query(admin, 'auditTargets', { search: 'localhost' }, '{ name }')
    await query(admin, 'policyHistory', { owner: { kind: 'DEPLOYMENT' } }, '{ nodes { revision } }')
    await query(admin, 'auditChains', {}, '{ name checked broken { sequence } }')
    expect(spy.seen).toEqual([])
  })

  it('every field of the schema had its turn, and did what it is for', () => {
    const fields = (kind: Kind, type: GraphQLObjectType | null | undefined) => Object.keys(type!.getFields()).map((field) => `${kind} ${field}`)
    const all = [...fields('query', schema.getQueryType()), ...fields('mutation', schema.getMutationType())]
    expect({ missing: all.filter((field) => !answered.has(field)), refusals: all.every((field) => answered.has(field)) ? [] : [...refusals] }).toEqual({ missing: [], refusals: [] })
    expect(Object.keys(schema.getSubscriptionType()!.getFields())).toEqual(['catalogChanged', 'deskChanged', 'probeRequested'])
  })
})
