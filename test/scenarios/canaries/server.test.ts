import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { SetPolicyDocument } from '../../../src/client/index.js'
import { readConfig } from '../../../src/config.js'
import { canary, commandLines, createSearch, dumpOf, filesOf, type Hit, plainCanary, startTap, type Tap, tokenCanary } from '../../support/canary.js'
import { databaseFaults } from '../../support/database.js'
import { createRecipient } from '../../support/leasing.js'
import { captureLog } from '../../support/log-lines.js'
import { pilothouse } from '../../support/process.js'
import { type Person, type RawAnswer, startTestServer, type TestServer } from '../../support/server.js'
import { startVaultServer, type VaultServer } from '../../support/vault-server.js'

const log = captureLog()
const [key, previousKey] = [Buffer.alloc(32, 'Kx'), Buffer.alloc(32, 'Py')]
const folder = mkdtempSync(join(tmpdir(), 'pilothouse-canaries-'))
const said: string[] = []
const lines: string[] = []
const control = 'control-7f3k2m9xq4'
let server: TestServer
let vault: VaultServer
let tap: Tap
let [alice, bob, worker]: Person[] = []

beforeAll(async () => {
  vault = await startVaultServer(plainCanary('token-of-vault'))
  vault.put('pilothouse/tickets', { token: canary('in Vault') })
  writeFileSync(join(folder, 'token'), canary('in a file'))
  const { secrets } = readConfig({
    PILOTHOUSE_SECRET_KEY: key.toString('hex'), PILOTHOUSE_SECRET_KEYS_PREVIOUS: previousKey.toString('base64'), PILOTHOUSE_SECRET_ENV: 'CANARY,UNSET', CANARY: canary('in a variable'),
    PILOTHOUSE_SECRET_DIR: folder, PILOTHOUSE_VAULT_ADDR: vault.url, PILOTHOUSE_VAULT_TOKEN: vault.token,
  })
  server = await startTestServer({ logTo: log, secretLooksMs: 20, pollMs: 50 }, { logLevel: 'debug', secrets })
  ;[alice, bob] = await Promise.all([server.user('alice'), server.user('bob')])
  worker = await server.worker()
  await server.team('crew', [[alice, 'MAINTAINER']])
  await server.admin.client.execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: 0, document: { transports: { stdio: 'allow' } } } })
  tap = await startTap(server.url)
})
afterAll(async () => {
  await tap.close()
  await server.close()
  await vault.close()
  rmSync(folder, { recursive: true })
})

async function ask(who: Person, query: string, variables: object = {}): Promise<RawAnswer> {
  const response = await fetch(tap.through(server.url), {
    method: 'POST', headers: { 'content-type': 'application/json', 'authorization': `Bearer ${who.token}` }, body: JSON.stringify({ query, variables }),
  })
  return await response.json() as RawAnswer
}

/** The same over a socket. */
async function askOverSocket(who: Person, query: string, variables: object = {}): Promise<void> {
  const socket = new WebSocket(tap.through(server.webSocketUrl), 'graphql-transport-ws')
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${who.token}` } }))
  await once(socket, 'message')
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query, variables } }))
  await once(socket, 'message')
  const closed = once(socket, 'close')
  socket.close()
  await closed
}

/** Both ways; resolves with the codes of the answer over HTTP. */
async function both(who: Person, query: string, variables: object = {}): Promise<string[]> {
  const { errors = [] } = await ask(who, query, variables)
  await askOverSocket(who, query, variables)
  return errors.map(({ extensions }) => String(extensions.code))
}

const put = 'mutation ($input: PutSecretInput!) { putSecret(input: $input) { secret { id owner { displayName } name provider version updatedAt usedBy { name } } cursor } }'
const remove = 'mutation ($input: DeleteSecretInput!) { deleteSecret(input: $input) { secret { name version } cursor } }'
const bind = 'mutation ($input: BindSecretInput!) { bindSecret(input: $input) { entry { id } cursor } }'
const entryFields = 'id digest statusReason verdict { findings { message mend } } mcpJson secretReferences { name }'
const register = `mutation ($input: RegisterMcpServerInput!) { registerMcpServer(input: $input) { cursor mcpServer { ${entryFields} } } }`
const importText = 'mutation ($text: String!, $dryRun: Boolean, $format: ImportFormat!) { importCatalog(input: { owner: { kind: USER }, format: $format, text: $text, dryRun: $dryRun, onConflict: UPDATE }) { items { name findings { rule field message mend } } } }'
const lease = 'mutation ($input: LeaseSecretsInput!) { leaseSecrets(input: $input) { id expiresAt values } }'
const mine = { kind: 'USER' }
const deployment = { kind: 'DEPLOYMENT' }
const http = (headers: Record<string, string>, url = 'https://api.example.com/mcp') => ({ transport: { http: { url, headers: Object.entries(headers).map(([name, value]) => ({ name, value })) } } })
const stdio = (env: Record<string, string>, ...args: string[]) => ({ transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3', ...args], env: Object.entries(env).map(([name, value]) => ({ name, value })) } } })
const ids = new Map<string, string>()
const leaseOf = (name: string, more: object = {}) => ({ input: { entryId: ids.get(name), revision: 1, owner: { kind: 'USER', id: alice!.id }, sessionId: 's1', recipientKey: publicKey, ...more } })
let publicKey: object

async function registered(who: Person, owner: object, name: string, definition: object): Promise<void> {
  const { data, errors } = await ask(who, register, { input: { owner, name, definition, ...(owner === deployment && { visibility: 'PUBLIC' }) } })
  expect(errors).toBeUndefined()
  ids.set(name, (data!.registerMcpServer as { mcpServer: { id: string } }).mcpServer.id)
}

describe('values that are set', () => {
  it('of people, teams and the deployment, and with every provider, are leased and nothing else', async () => {
    const watching = await server.admin.watch(deployment as never)
    publicKey = (await createRecipient()).publicKey
    for (const [who, owner, name] of [[alice, mine, 'token'], [alice, { kind: 'TEAM', id: 'crew' }, 'token'], [server.admin, deployment, 'shared'], [bob, mine, 'token']] as const) {
      expect(await both(who!, put, { input: { owner, name, value: canary(`sealed, of ${owner.kind}`) } })).toEqual([])
    }
    for (const [provider, path] of [['env', 'CANARY'], ['file', 'token'], ['vault', 'pilothouse/tickets#token']]) {
      expect(await both(server.admin, put, { input: { owner: deployment, name: provider, provider, path } })).toEqual([])
    }
    const literal = `mutation { putSecret(input: { owner: { kind: USER }, name: "literal", value: ${JSON.stringify(canary('in a document'))} }) { cursor } }`
    expect(await both(alice!, literal)).toEqual([])
    await registered(alice!, mine, 'composed', http({ 'Authorization': 'Bearer ${user:token}', 'X-Two': 'a ${user:token}:${secret:literal} b' }))
    await registered(server.admin, deployment, 'outside', http({ A: '${secret:env}', B: '${secret:file}', C: '${secret:vault}', D: '${secret:shared}' }))
    await registered(server.admin, deployment, 'local', stdio({ TOKEN: 'x${secret:shared}', MINE: '${user:token}' }))
    await registered(server.admin, deployment, 'unbound', http({ Authorization: '${user:token}' }))
    await registered(server.admin, deployment, 'missing', http({ Authorization: '${secret:none}' }))
    for (const provider of ['env', 'file', 'vault', 'shared']) await registered(server.admin, deployment, `of-${provider}`, http({ Authorization: `\${secret:${provider}}` }))
    for (const name of ['composed', 'outside']) expect(await both(worker!, lease, leaseOf(name))).toEqual([])
    for (const name of ['unbound', 'missing', 'local']) expect(await both(worker!, lease, leaseOf(name))).toEqual([name === 'missing' ? 'SECRET_NOT_FOUND' : 'SECRET_UNBOUND'])
    await both(alice!, bind, { input: { entryId: ids.get('unbound'), digest: plainCanary('digest'), scope: 'USER', name: plainCanary('name'), injectionPoint: `header:${plainCanary('point')}` } })
    await watching.close()
    said.push(JSON.stringify(watching.events))
  })

  it('are in nothing that is asked about them', async () => {
    const id = ids.get('composed')
    const questions = [
      `{ secrets(owner: { kind: USER }) { id name version provider updatedBy { displayName } usedBy { name } } secretBindings(entryId: "${id}") { reference { name } bound reason } }`,
      `{ mcpServer(id: "${id}") { ${entryFields} } entryHistory(id: "${id}") { nodes { definition digest } } node(id: "${id}") { id } }`,
      `{ effectiveCatalog(owner: { kind: USER }) { mcpServers { ${entryFields} transport { __typename ... on RemoteTransport { headers { name value } } } } } }`,
      '{ explainAvailability(owner: { kind: USER }, kind: MCP_SERVER, name: "composed") { available steps { check passed reason } } }',
      '{ secrets(owner: { kind: DEPLOYMENT }) { name usedBy { name } } auditEvents(first: 500) { nodes { action target before after } } workers { id } }',
      '{ simulatePolicy(input: { owner: { kind: DEPLOYMENT }, expectedRevision: 1, document: { transports: { http: "deny" } } }) { nodes { entry { name } after { findings { message } } } } }',
      '{ accessTokens(first: 100) { nodes { id name } } approvals(first: 10) { nodes { id } } }',
    ]
    for (const who of [alice!, server.admin]) for (const question of questions) await both(who, question)
  })
})

/** What goes wrong, with a value where it does not belong; each by an admin, for whom nothing is forbidden. */
const wrong: Array<[what: string, query: string, variables: () => object]> = [
  ['as a variable', put, () => ({ input: canary('x') })],
  ...['name', 'value', 'provider', 'path', 'owner', 'more'].flatMap((field): typeof wrong => [canary('x'), tokenCanary, [canary('x')], { [tokenCanary]: canary('x') }, `${plainCanary('x')}\0`]
    .filter((value) => field !== 'value' || typeof value !== 'string' || value.includes('\0'))
    .map((value) => [`as ${field}, ${JSON.stringify(value).slice(0, 3)}`, put, () => ({ input: { owner: deployment, name: 'wrong', value: 'something', [field]: value } })])),
  ['too large', put, () => ({ input: { owner: deployment, name: 'wrong', value: canary('x').repeat(5_000) } })],
  ['with a provider', put, () => ({ input: { owner: deployment, name: 'wrong', provider: 'env', path: 'CANARY', value: canary('x') } })],
  ...[['env', tokenCanary], ['file', tokenCanary], ['vault', `pilothouse/${tokenCanary}`], ['vault', tokenCanary], [plainCanary('x'), plainCanary('x')]].map(([provider, path]): typeof wrong[number] => [`as a path of ${provider}`, put, () => ({ input: { owner: deployment, name: 'wrong', provider, path } })]),
  ['as an owner', put, () => ({ input: { owner: { kind: 'TEAM', id: tokenCanary }, name: 'wrong', value: 'something' } })],
  ['as a subject', put, () => ({ input: { owner: { kind: 'USER', provider: 'test', subject: tokenCanary }, name: 'wrong', value: 'something' } })],
  ['as a kind', put, () => ({ input: { owner: { kind: plainCanary('x') }, name: 'wrong', value: 'something' } })],
  ['as what is deleted', remove, () => ({ input: { owner: deployment, name: plainCanary('x') } })],
  ['as what is bound', bind, () => ({ input: { entryId: tokenCanary, digest: plainCanary('x'), scope: 'OWNER', name: plainCanary('x'), injectionPoint: plainCanary('x') } })],
  ['as an entry', lease, () => ({ input: { entryId: tokenCanary, revision: 1, owner: mine, sessionId: plainCanary('x'), recipientKey: { d: plainCanary('x') } } })],
  ['as the name of an entry', register, () => ({ input: { owner: mine, name: tokenCanary, definition: http({}) } })],
  ['as the user of a URL', register, () => ({ input: { owner: mine, name: 'ok', definition: http({}, `https://${plainCanary('user')}:${plainCanary('password')}@a.example.com/`) } })],
  ['in the query of a URL', register, () => ({ input: { owner: mine, name: 'ok', definition: http({}, `https://a.example.com/?token=${tokenCanary}`) } })],
  ['as a URL', register, () => ({ input: { owner: mine, name: 'ok', definition: http({}, plainCanary('x')) } })],
  ['as a protocol', register, () => ({ input: { owner: mine, name: 'ok', definition: http({}, `${plainCanary('x')}://a`) } })],
  ['in a header', register, () => ({ input: { owner: mine, name: 'ok', definition: http({ Authorization: `Bearer ${tokenCanary}` }) } })],
  ['as a header', register, () => ({ input: { owner: mine, name: 'ok', definition: http({ [`Authorization: Bearer ${plainCanary('x')}`]: 'x' }) } })],
  ['as the name of a variable', register, () => ({ input: { owner: mine, name: 'ok', definition: stdio({ [`API_KEY=${plainCanary('x')}`]: 'x' }) } })],
  ['as a default', register, () => ({ input: { owner: mine, name: 'ok', definition: http({ Authorization: `\${TOKEN:-${plainCanary('x')}}` }) } })],
  ['as a reference', register, () => ({ input: { owner: mine, name: 'ok', definition: http({ Authorization: `\${secret:${canary('x')}}` }) } })],
  ['as the name of a reference', register, () => ({ input: { owner: mine, name: 'ok', definition: http({ Authorization: `Bearer \${secret:${tokenCanary}}` }) } })],
  ['in a variable', register, () => ({ input: { owner: mine, name: 'ok', definition: stdio({ TOKEN: tokenCanary }) } })],
  ['as a variable that steers', register, () => ({ input: { owner: mine, name: 'ok', definition: stdio({ LD_PRELOAD: plainCanary('x') }) } })],
  ['in an argument', register, () => ({ input: { owner: mine, name: 'ok', definition: stdio({}, `--token=${tokenCanary}`) } })],
  ['as a command', register, () => ({ input: { owner: mine, name: 'ok', definition: { transport: { stdio: { command: `./${plainCanary('x')}`, args: [plainCanary('x')] } } } } })],
  ['as a policy', 'mutation ($d: JSON!) { setPolicy(input: { owner: { kind: DEPLOYMENT }, expectedRevision: 1, document: $d }) { cursor } }', () => ({ d: { [tokenCanary]: canary('x'), urls: { hosts: [canary('x')] } } })],
  ['as a simulated policy', 'query ($d: JSON!) { simulatePolicy(input: { owner: { kind: DEPLOYMENT }, expectedRevision: 1, document: $d }) { nodes { entry { id } } } }', () => ({ d: { [tokenCanary]: canary('x') } })],
  ['as an id', 'query ($id: ID!) { mcpServer(id: $id) { id } node(id: $id) { id } secretBindings(entryId: $id) { bound } entryHistory(id: $id) { nodes { digest } } }', () => ({ id: tokenCanary })],
  ['as a cursor', 'query ($id: String!) { mcpServers(after: $id) { nodes { id } } }', () => ({ id: tokenCanary })],
  ['as a search', 'query ($id: String!) { mcpServers(search: $id) { nodes { id } } }', () => ({ id: tokenCanary })],
  ['as an entry to explain', 'query ($id: String!) { explainAvailability(owner: { kind: USER }, kind: MCP_SERVER, name: $id) { available steps { reason } } }', () => ({ id: tokenCanary })],
  ['in a document that is not one', `{ "${plainCanary('x')}`, () => ({})],
  ['as a field', `{ ${tokenCanary} }`, () => ({})],
  ['as an argument that is none', `{ mcpServers(${tokenCanary}: "${plainCanary('x')}") { nodes { id } } }`, () => ({})],
  ['as an enum', `mutation { putSecret(input: { owner: { kind: ${plainCanary('x')} }, name: "a", value: "b" }) { cursor } }`, () => ({})],
  ['as a number', `mutation { putSecret(input: { owner: { kind: USER }, name: "a", value: 1${'0'.repeat(400)} }) { cursor } }`, () => ({})],
  ['as an operation', `query ${tokenCanary} { viewer { principal { id } } }`, () => ({})],
  ...[true, false].flatMap((dryRun): typeof wrong => [
    ['in an import that is not JSON', importText, () => ({ dryRun, format: 'MCP_JSON', text: `{"a": ${plainCanary('x')}` })],
    ['in a file of another tool', importText, () => ({ dryRun, format: 'MCP_JSON', text: JSON.stringify({
      inputs: [{ id: 'key', default: canary('x') }], mcpServers: {
        a: { url: `https://u:${plainCanary('x')}@a.example.com/?k=${tokenCanary}`, headers: { Authorization: `Bearer ${tokenCanary}` } },
        b: { command: 'npx', args: ['srv', '--api-key', tokenCanary], env: { KEY: `\${KEY:-${plainCanary('x')}}` }, envFile: plainCanary('x') },
        c: { url: 'https://c.example.com', headersHelper: canary('x'), auth: { clientSecret: canary('x') }, headers: { [`token: ${plainCanary('x')}\n`]: 'x' } },
        d: plainCanary('x'), [tokenCanary]: { url: 'https://x.example.com', [tokenCanary]: 1, headers: { [tokenCanary]: 'x' } }, e: { command: [canary('x')], env: plainCanary('x') }, f: { url: { a: canary('x') }, type: plainCanary('x') },
      },
    }) })],
    ['in the head of an agent', importText, () => ({ dryRun, format: 'AGENT_MD', text: `---\nname: x\nmodel: [${plainCanary('x')}\n---\nhello` })],
  ]),
]

it.each(wrong)('a value %s is refused or found nowhere', async (what, query, variables) => {
  const codes = await both(server.admin, query, variables())
  if (what === 'in a file of another tool') expect(codes).toEqual([])
})

describe('failures', () => {
  const after = async (asked: () => Promise<unknown>, pattern: RegExp) => {
    const requested = vault.requested(pattern)
    await asked()
    await requested
  }

  it('of providers', async () => {
    const codes: string[] = []
    const leased = async (name: string) => codes.push(...await both(worker!, lease, leaseOf(name)))
    const body = JSON.stringify({ errors: [`${vault.token} ${canary('in a body')}`], data: { data: { token: [canary('in a body')] } } })
    for (const fault of [403, 404, 500, 200].map((status) => ({ status, body, headers: { 'x-vault-token': vault.token } }))) {
      vault.fail(/./, fault)
      await leased('of-vault')
      await both(server.admin, put, { input: { owner: deployment, name: 'vault', provider: 'vault', path: 'pilothouse/tickets#token' } })
    }
    for (const fault of [{ status: 302, body, headers: { location: `http://127.0.0.1:1/${plainCanary('x')}` } }, { status: 200, body: `{"data": ${canary('garbage')}` }]) {
      vault.fail(/./, fault)
      await leased('of-vault')
    }
    vault.fail(/./, null)
    vault.remove('pilothouse/tickets', 'DELETE')
    await after(() => leased('of-vault'), /./)
    unlinkSync(join(folder, 'token'))
    await leased('of-file')
    writeFileSync(join(folder, 'token'), Buffer.from(`\xff${plainCanary('x')}`, 'latin1'))
    await leased('of-file')
    await server.app.services.db.execute(`update secret set sealed = jsonb_set(sealed, '{value}', '"${plainCanary('x')}"') where name = 'shared'`)
    await leased('of-shared')
    await server.app.services.db.execute(`update secret set sealed = null where name = 'shared'`)
    await leased('of-shared')
    expect(new Set(codes)).toEqual(new Set(['UNAVAILABLE', 'SECRET_NOT_FOUND']))
  })

  it('of the database: refused, killed in the middle, and without a place for the audit', async () => {
    const { db } = server.app.services
    const value = { input: { owner: mine, name: 'late', value: canary('while it fails') } }
    await db.execute(`create function refuse() returns trigger language plpgsql as $$ begin raise exception using message = 'bad: ' || new::text, errcode = coalesce(tg_argv[0], 'P0001'); end $$`)
    for (const table of ['secret', 'audit_event', 'access_event']) for (const code of ['P0001', '22P02', '23505']) {
      await db.execute(`create trigger refuse before insert on ${table} for each row execute function refuse('${code}')`)
      await both(alice!, put, value)
      await both(worker!, lease, leaseOf('composed'))
      await both(alice!, register, { input: { owner: mine, name: 'refused', definition: http({ Authorization: 'Bearer ${secret:late}' }) } })
      await db.execute(`drop trigger refuse on ${table}`)
    }
    const database = databaseFaults(server.databaseUrl)
    const running = Promise.all(Array.from({ length: 5 }, async (_, at) => {
      for (let more = 0; more < 4; more++) await ask(alice!, put, { input: { owner: mine, name: `killed-${at}-${more}`, value: canary('while it is killed') } })
    }))
    await database.stop()
    await running
    await both(worker!, lease, leaseOf('composed'))
    await database.start()
    await database.close()
    while ((await ask(alice!, '{ viewer { principal { id } } }')).errors !== undefined);
  })

  it('after rotation, deletion and revocation', async () => {
    expect(await both(alice!, put, { input: { owner: mine, name: 'token', value: canary('rotated') } })).toEqual([])
    expect(await both(worker!, lease, leaseOf('composed'))).toEqual([])
    await ask(alice!, remove, { input: { owner: mine, name: 'token' } })
    expect(await both(worker!, lease, leaseOf('composed'))).toEqual(['SECRET_NOT_FOUND'])
    for (const [code, more] of [['REVISION_CONFLICT', { revision: 7 }], ['NOT_FOUND', { owner: { kind: 'TEAM', id: 'crew' } }], ['FORBIDDEN', { owner: { kind: 'TEAM', id: tokenCanary } }]] as const) {
      expect(await both(worker!, lease, leaseOf('composed', more))).toEqual([code])
    }
    const revoke = `mutation { revokeEntry(input: { id: "${ids.get('composed')}", expectedRevision: 1, reason: "test" }) { entry { statusReason } revocation { state } } }`
    await both(alice!, revoke)
  })
})

describe('the command line', () => {
  const run = async (args: string[], input: string, env: Record<string, string> = {}) => {
    const child = pilothouse(args, { PILOTHOUSE_URL: tap.through(server.url), PILOTHOUSE_TOKEN: alice!.token, ...env }, input)
    if (!args.join().includes(tokenCanary)) lines.push(commandLines(child.process.pid), args.join(' '))
    await child.ended
    said.push(child.stdout(), child.stderr())
  }
  it('says nothing of what it is given', async () => {
    const file = join(folder, 'servers.mcp.json')
    writeFileSync(file, JSON.stringify({ mcpServers: { a: { url: 'https://a.example.com', headers: { Authorization: `Bearer ${tokenCanary}` } } } }))
    const database = { DATABASE_URL: server.databaseUrl, PILOTHOUSE_DATA_DIR: server.dataDir }
    await Promise.all([
      run(['secret', 'set', 'typed'], `${canary('typed')}\n`), run(['secret', 'list', '--json'], ''),
      run(['secret', 'set', 'large'], canary('typed').repeat(5_000)), run(['import', file], ''), run(['secret', 'bindings', control], ''),
      run(['secret', 'set', 'token', tokenCanary], ''), run(['secret', 'set', 'token', `--value=${tokenCanary}`], ''), run(['secret', 'set', tokenCanary], 'x'), run(['secret', tokenCanary], ''), run(['secret', 'list', '--owner', tokenCanary], ''),
      run(['secret', 'rekey'], '', { ...database, PILOTHOUSE_SECRET_KEY: previousKey.toString('hex'), PILOTHOUSE_SECRET_KEYS_PREVIOUS: key.toString('hex') }),
      run(['secret', 'rekey'], '', { ...database, PILOTHOUSE_SECRET_KEY: plainCanary('key'), PILOTHOUSE_VAULT_TOKEN: plainCanary('token'), PILOTHOUSE_SECRET_KEYS_LOST: plainCanary('id') }),
    ])
  })
})

it('S14: nothing of any value, key or token is in what came out, and whatever is put there is found', async () => {
  // The control: a text that goes to every place by the ways there are.
  await registered(alice!, mine, control, http({}))
  await fetch(new URL('/metrics', tap.through(server.url)), { headers: { 'authorization': `Bearer ${server.admin.token}`, 'x-request-id': control } }).then((response) => response.text())
  await log.line({ requestId: control })
  writeFileSync(join(server.dataDir, 'control'), control)
  const watching = await alice!.watch()
  said.push(JSON.stringify(await watching.nextSnapshot()))
  await ask(server.admin, '{ auditEvents(first: 500) { nodes { action target before after } } }')
  const sinks = {
    database: await dumpOf(server.databaseUrl), log: log.text(), wire: tap.down(), said: said.join('\n'), 'command lines': lines.join('\n'),
    'data folder': filesOf(server.dataDir, ['admin-token', 'audit.key']),
  }
  const search = createSearch({
    'the key': key.toString('hex'), 'the key as bytes': key.toString('latin1'), 'the previous key': previousKey.toString('hex'), 'the key of the audit': readFileSync(join(server.dataDir, 'audit.key'), 'utf8'),
    'a token of an admin': server.admin.token, 'a token of a person': alice!.token, 'a token of a worker': worker!.token,
  })
  const found: Hit[] = []
  for (const [sink, text] of Object.entries(sinks)) {
    expect(createSearch({ control }).hits(sink, text).map(({ what }) => what), sink).toContain('control')
    found.push(...search.hits(sink, text))
  }
  expect(found).toEqual([])
  expect(vault.requests.length).toBeGreaterThan(0)
})
