import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  BindSecretDocument, DeleteSecretDocument, ExplainAvailabilityDocument, type OwnerInput, PolicyDocument, PutSecretDocument, RegisterMcpServerDocument,
  type RegisterMcpServerInput, SetPolicyDocument,
} from '../../src/client/index.js'
import { readConfig } from '../../src/config.js'
import { copilotAdapter } from '../../src/worker/adapters/copilot.js'
import { mcpAdapter } from '../../src/worker/adapters/mcp.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { usualPath } from '../../src/worker/launchers.js'
import { createSearch, dumpOf, filesOf } from '../support/canary.js'
import { describeCopilot, ofCatalog } from '../support/copilot-suite.js'
import { captureLog } from '../support/log-lines.js'
import { isAlive, startTestMcpServer, text } from '../support/mcp-servers.js'
import { pilothouse } from '../support/process.js'
import { type Person, startTestServer } from '../support/server.js'
import { closing, shared } from '../support/shared.js'

const deployment: OwnerInput = { kind: 'DEPLOYMENT' }
const log = captureLog()
const workerLog: string[] = []
const values: string[] = []
const newValue = () => {
  values.push(`$&-${randomBytes(24).toString('base64url')}`)
  return values.at(-1)!
}

let folder: string
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pilothouse-traces-')))
  writeFileSync(join(folder, 'server.mjs'), stdioServer)
  mkdirSync(join(folder, 'mounted'))
  symlinkSync('..data/token', join(folder, 'mounted', 'token'))
  mount('1', newValue())
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Swaps all files at once, as Kubernetes does with a mounted secret. */
function mount(generation: string, value: string): void {
  const mounted = join(folder, 'mounted')
  mkdirSync(join(mounted, `..${generation}`))
  writeFileSync(join(mounted, `..${generation}`, 'token'), value)
  symlinkSync(`..${generation}`, join(mounted, '..next'))
  renameSync(join(mounted, '..next'), join(mounted, '..data'))
}

/** Answers with its process and a hash of its variable: `wait` once its second argument, a URL, has answered. */
const stdioServer = `
import { createHash } from 'node:crypto'
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n')
const hash = createHash('sha256').update(process.env.KEY).digest('hex')
process.stdin.setEncoding('utf8').on('data', (chunk) => chunk.trim().split('\\n').map(JSON.parse).forEach(async ({ id, method, params }) => {
  if (method === 'initialize') say({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' } } })
  if (method === 'tools/list') say({ id, result: { tools: ['ask', 'wait'].map((name) => ({ name, inputSchema: { type: 'object' } })) } })
  if (method !== 'tools/call') return
  if (params.name === 'wait') await fetch(process.argv[2])
  process.stderr.write('Called with ' + process.env.KEY + '\\n')
  say({ id, result: { content: [{ type: 'text', text: process.pid + ' ' + hash }] } })
}))`

const { server, echo } = shared({
  server: () => startTestServer({ logTo: log }, {
    logLevel: 'debug', secrets: readConfig({ PILOTHOUSE_SECRET_KEY: 'ab'.repeat(32), PILOTHOUSE_SECRET_DIR: join(folder, 'mounted') }).secrets,
  }),
  // Whatever it is asked it answers with what it was sent.
  echo: async () => {
    const mcp = await startTestMcpServer([{ name: 'echo', run: async () => text(`You came with ${JSON.stringify(mcp.requests.at(-1))}`) }])
    return mcp
  },
})
const { worker } = shared({
  worker: async () => createCatalogWorker({
    url: server.url, token: (await server.worker()).token, workerId: 'w', graceMs: 100, env: { PATH: usualPath }, log: (line) => workerLog.push(line),
  }),
})
beforeAll(async () => {
  const { policy } = await server.admin.client.execute(PolicyDocument, { owner: deployment })
  const document = {
    transports: { stdio: 'allow', http: 'allow', sse: 'allow' }, stdio: { directories: [folder] },
    urls: { insecureHttp: ['127.0.0.1'], privateNetworks: ['127.0.0.0/8'] },
  }
  await server.admin.client.execute(SetPolicyDocument, { input: { owner: deployment, expectedRevision: policy.revision, document } })
})

const put = async (who: Person, owner: OwnerInput, name: string) => (await who.client.execute(PutSecretDocument, { input: { owner, name, value: newValue() } })).putSecret.cursor
const register = async (name: string, transport: RegisterMcpServerInput['definition']['transport']) => (
  await server.admin.client.execute(RegisterMcpServerDocument, { input: { owner: deployment, name, definition: { transport }, apply: 'NOW' } })
).registerMcpServer.mcpServer
async function cli(who: Person, args: string[], input = '') {
  const child = pilothouse(['secret', ...args], { PILOTHOUSE_URL: server.url, PILOTHOUSE_TOKEN: who.token }, input)
  expect([await child.ended, child.stderr()]).toEqual([0, ''])
  return child.stdout()
}

/** Looks for every value in each place, with something that has to be found there; in the audit, `action`. */
async function expectNoTraces(places: Record<string, { text: string; control: string }>, action = 'secret.put') {
  const search = createSearch(Object.fromEntries(values.map((value, index) => [`value ${index}`, value])))
  const all = {
    ...places, database: { text: await dumpOf(server.databaseUrl), control: action },
    'log of the server': { text: log.text(), control: 'PutSecret' },
  }
  for (const [place, { text, control }] of Object.entries(all)) {
    expect(text.includes(control), `${control} in ${place}`).toBe(true)
    expect(search.hits(place, text)).toEqual([])
  }
}

describeCopilot('a live Copilot session and a server that wants an account', ({ runtime }) => {
  it('S11, S14: is told what is missing, is connected from the command line, calls as its person, and keeps no value in any folder, row or log', async () => {
    const [eve, bob] = await Promise.all([server.user('eve'), server.user('bob')])
    await put(server.admin, deployment, 'key')
    const entry = await register('desk', { http: { url: echo.url, headers: [{ name: 'Authorization', value: 'Bearer ${user:token}' }, { name: 'X-Key', value: '${secret:key}' }] } })
    // Bob is connected all the time, and never meant when Eve calls.
    await put(bob, { kind: 'USER' }, 'token')
    await bob.client.execute(BindSecretDocument, { input: { entryId: entry.id, digest: entry.digest, scope: 'USER', name: 'token', injectionPoint: 'header:Authorization' } })
    const adapter = copilotAdapter({ client: runtime.client, config: runtime.config() })
    const session = closing(await worker.openSession({ id: 'eve', owner: { kind: 'USER', id: eve.id }, adapter }))
    const offered = async () => ofCatalog((await runtime.ask(adapter.session())).requests[0]?.offered)

    expect([await offered(), session.effective.map(({ state }) => state)]).toEqual([[], ['FAILED']])
    expect(session.effective[0]?.reason).toMatch(/^Connect your account: desk needs user:token/)
    const { explainAvailability } = await eve.client.execute(ExplainAvailabilityDocument, { owner: { kind: 'USER', id: eve.id }, kind: 'MCP_SERVER', name: 'desk' })
    expect(explainAvailability.steps.filter(({ passed, reason }) => !passed && reason?.includes('Connect your account'))).toHaveLength(1)
    const bindings = await cli(eve, ['bindings', 'desk', '--owner', 'deployment'])
    expect(bindings).toMatch(/^user:token +header:Authorization +not confirmed +Connect your account: /m)
    expect(bindings).toMatch(/^secret:key +header:X-Key +ready/m)
    expect(echo.requests.filter(({ authorization }) => authorization !== undefined)).toEqual([])

    const shown = [bindings, await cli(eve, ['set', 'token'], newValue()), await cli(eve, ['bind', 'desk', '--owner', 'deployment', '--yes'])]
    const [, cursor] = /Confirmed user:token for header:Authorization, at (\S+)\.\n$/.exec(shown.at(-1)!)!
    await session.settled(cursor!)
    expect(await offered()).toEqual(['catalog-desk-echo'])
    // In mid-turn the key becomes another one; what the server echoes is stored by the runtime.
    const script = await runtime.ask(adapter.session(), { call: 'catalog-desk-echo' }, {
      before: async () => { await session.settled(await put(server.admin, deployment, 'key')) }, call: 'catalog-desk-echo',
    })
    expect(echo.requests.at(-1)).toMatchObject({ authorization: `Bearer ${values.at(-2)}`, 'x-key': values.at(-1) })
    expect(script.results().map(({ text }) => /You came with .*\[redacted\]/.test(text))).toEqual([true, true])
    await eve.client.execute(DeleteSecretDocument, { input: { owner: { kind: 'USER' }, name: 'token' } }).then(({ deleteSecret }) => session.settled(deleteSecret.cursor))
    expect(await offered()).toEqual([])
    shown.push(JSON.stringify(session.effective))
    await expectNoTraces({
      'folders of the runtime': { text: filesOf(runtime.folder), control: 'You came with' }, 'what was shown': { text: shown.join('\n'), control: 'Connect your account' },
    })
  })
})

it('S14, S26: a rotation loses no call to a process: what is in flight ends on the old one, and what comes later is seen by another with the new value', async () => {
  const held: ServerResponse[] = []
  const door = createServer((_, response) => held.push(response)).listen(0, '127.0.0.1')
  closing({ close: async () => { door.close(); door.closeAllConnections() } })
  await once(door, 'listening')
  await put(server.admin, deployment, 'local-key')
  await register('local', { stdio: {
    command: 'node', args: [join(folder, 'server.mjs'), `http://127.0.0.1:${(door.address() as AddressInfo).port}/`], env: [{ name: 'KEY', value: '${secret:local-key}' }],
  } })
  const host = mcpAdapter()
  const session = closing(await worker.openSession({ id: 'ada', owner: { kind: 'USER', id: (await server.user('ada')).id }, adapter: host }))
  const call = async (tool: string) => {
    const { content } = await host.callTool(`local-${tool}`) as { content: Array<{ text: string }> }
    return content[0]!.text.split(' ') as [pid: string, hash: string]
  }
  const hashOf = (value: string) => createHash('sha256').update(value).digest('hex')
  const [first] = values.slice(-1)
  const before = await call('ask')
  const asked = once(door, 'request')
  const inFlight = call('wait')
  await asked
  let isRotated = false
  const answers: string[][] = []
  const loop = (async () => { for (let isLast = false; !isLast;) { isLast = isRotated; answers.push(await call('ask')) } })()
  await session.settled(await put(server.admin, deployment, 'local-key'))
  isRotated = true
  await loop
  const after = answers.at(-1)!
  expect([before[1], after[1], after[0] === before[0]]).toEqual([hashOf(first!), hashOf(values.at(-1)!), false])
  expect([...new Set(answers.map(([pid]) => pid))].filter((pid) => pid !== before[0] && pid !== after[0])).toEqual([])
  expect([isAlive(Number(before[0])), held.length]).toEqual([true, 1])
  held[0]!.end()
  expect(await inFlight).toEqual(before)
  await session.settled((await server.admin.client.execute(DeleteSecretDocument, { input: { owner: deployment, name: 'local-key' } })).deleteSecret.cursor)
  await expect(call('ask')).rejects.toMatchObject({ name: 'ToolCallError' })
  expect([before, after].map(([pid]) => isAlive(Number(pid)))).toEqual([false, false])
  await expectNoTraces({ 'rows and log of the worker': { text: [JSON.stringify(session.effective), ...workerLog].join('\n'), control: 'A secret is missing' } })
})

it('S14, S26: a value that a mount swaps reaches a live session, which nobody has told of it', async () => {
  const [first] = values
  await server.admin.client.execute(PutSecretDocument, { input: { owner: deployment, name: 'mounted', provider: 'file', path: 'token' } })
  const host = mcpAdapter()
  const session = closing(await worker.openSession({ id: 'kim', owner: { kind: 'USER', id: (await server.user('kim')).id }, adapter: host }))
  const { registerMcpServer: { cursor } } = await server.admin.client.execute(RegisterMcpServerDocument, {
    input: { owner: deployment, name: 'mounted', definition: { transport: { http: { url: echo.url, headers: [{ name: 'X-Key', value: '${secret:mounted}' }] } } } },
  })
  await session.settled(cursor)
  const call = async () => {
    await host.callTool('mounted-echo')
    return echo.requests.at(-1)!['x-key']
  }
  expect(await call()).toBe(first)
  const second = newValue()
  mount('2', second)
  const seen = new Set<unknown>()
  while (!seen.has(second)) seen.add(await call())
  expect([...seen].filter((value) => value !== first)).toEqual([second])
  await expectNoTraces({ 'rows and log of the worker': { text: [JSON.stringify(session.effective), ...workerLog].join('\n'), control: 'mounted' } }, 'secret.rotate')
})
