import { createHash } from 'node:crypto'
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  BindSecretDocument, DeleteSecretDocument, type OwnerInput, PolicyDocument, PutSecretDocument, RegisterMcpServerDocument, type RegisterMcpServerInput, type SecretReferenceScope, SetPolicyDocument,
  UpdateMcpServerDocument,
} from '../../src/client/index.js'
import { mcpAdapter, type McpAdapter } from '../../src/worker/adapters/mcp.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { usualPath } from '../../src/worker/launchers.js'
import { hangingTool, startTestMcpServer, text } from '../support/mcp-servers.js'
import { type Person, startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const deployment: OwnerInput = { kind: 'DEPLOYMENT' }
let folder: string
const hanging = hangingTool('hang')
const logs: string[] = []
const { server, echo } = shared({
  server: () => startTestServer(),
  // Whatever it is asked it answers with what it was sent.
  echo: async () => {
    const last = () => JSON.stringify(mcp.requests.at(-1))
    const mcp = await startTestMcpServer([
      { name: 'echo', run: async () => text(last()) }, hanging,
      { name: 'fail', run: async () => { throw new Error(`refused: ${last()}`) } },
    ])
    return mcp
  },
})

const { worker } = shared({
  worker: async () => createCatalogWorker({
    url: server.url, token: (await server.worker()).token, workerId: 'w', graceMs: 100, env: { PATH: usualPath }, log: (line) => logs.push(line),
  }),
})
beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pilothouse-secrets-')))
  writeFileSync(join(folder, 'server.mjs'), stdioServer)
  const { policy } = await server.admin.client.execute(PolicyDocument, { owner: deployment })
  const document = {
    transports: { stdio: 'allow', http: 'allow', sse: 'allow' }, stdio: { directories: [folder] },
    urls: { insecureHttp: ['127.0.0.1'], privateNetworks: ['127.0.0.0/8'] },
  }
  await server.admin.client.execute(SetPolicyDocument, { input: { owner: deployment, expectedRevision: policy.revision, document } })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Tells its environment in every way there is. */
const stdioServer = `
import { createHash } from 'node:crypto'
const { TOKEN = '', ...rest } = process.env
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n')
const text = (text) => ({ content: [{ type: 'text', text }] })
const tool = (name) => ({ name, description: 'knows ' + TOKEN, inputSchema: { type: 'object', properties: { x: { type: 'string', default: TOKEN } } } })
if (process.argv.includes('dies')) {
  // Of what is kept, 2,000 characters, the first are the last of the value.
  process.stderr.write(JSON.stringify(process.env) + TOKEN + '\\n' + 'y'.repeat(1985))
  process.exitCode = 3
} else process.stdin.setEncoding('utf8').on('data', (chunk) => chunk.trim().split('\\n').map(JSON.parse).forEach(({ id, method, params }) => {
  if (method === 'initialize') say({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' }, instructions: TOKEN } })
  if (method === 'tools/list') say({ id, result: { tools: ['env', 'digest', 'pid', 'crash'].map(tool) } })
  if (method !== 'tools/call') return
  if (params.name === 'env') say({ id, result: text(JSON.stringify(process.env)) })
  if (params.name === 'digest') say({ id, result: text(createHash('sha256').update(TOKEN).digest('hex')) })
  if (params.name === 'pid') say({ id, result: text(String(process.pid)) })
  if (params.name === 'crash') say({ id, error: { code: -32000, message: 'crashed with ' + TOKEN, data: { env: process.env } } })
}))`

const put = async (who: Person, owner: OwnerInput, name: string, value: string) => (await who.client.execute(PutSecretDocument, { input: { owner, name, value } })).putSecret.cursor
const remove = async (who: Person, owner: OwnerInput, name: string) => (await who.client.execute(DeleteSecretDocument, { input: { owner, name } })).deleteSecret.cursor

async function register(who: Person, owner: OwnerInput, name: string, transport: RegisterMcpServerInput['definition']['transport']) {
  return (await who.client.execute(RegisterMcpServerDocument, { input: { owner, name, definition: { transport } } })).registerMcpServer
}

const http = (name: string, value: string, url = echo.url) => ({ http: { url, headers: [{ name, value }] } })
const stdio = (value: string, ...args: string[]) => ({ stdio: { command: 'node', args: [join(folder, 'server.mjs'), ...args], env: [{ name: 'TOKEN', value }] } })

const bind = async (who: Person, { id, digest }: { id: string; digest: string }, scope: SecretReferenceScope, name: string, injectionPoint: string) => (
  await who.client.execute(BindSecretDocument, { input: { entryId: id, digest, scope, name, injectionPoint } })).bindSecret.cursor

async function open(who: Person, id = who.id) {
  const host = mcpAdapter()
  const session = await worker.openSession({ id, owner: { kind: 'USER', id: who.id }, adapter: host })
  const rowOf = (name: string) => session.effective.filter((entry) => entry.name === name).map(({ state, reason }) => `${state}: ${reason}`).at(-1)
  return { host, session, rowOf }
}

const told = async (host: McpAdapter, tool: string) => JSON.stringify(await host.callTool(tool))
/** What the echo was sent by whoever called last; streams are opened at any time. */
const sent = (name: string) => echo.requests.findLast((headers) => headers['content-type'] !== undefined)![name]

describe('a header with a secret', () => {
  it('S11: two users call a shared server with their own tokens, a third is told to connect, and nothing is called for them', async () => {
    const [ada, bob, eve] = await Promise.all(['ada', 'bob', 'eve'].map((name) => server.user(name)))
    const { mcpServer } = await register(server.admin, deployment, 'mine', http('Authorization', 'Bearer ${user:token}'))
    for (const who of [ada!, bob!]) {
      await put(who, { kind: 'USER' }, 'token', `token-of-${who.id}`)
      await bind(who, mcpServer, 'USER', 'token', 'header:Authorization')
    }
    const [hers, his] = [await open(ada!), await open(bob!)]
    const answers = []
    for (const [who, { host }] of [[ada!, hers], [bob!, his]] as const) {
      answers.push(await told(host, 'mine-echo'))
      expect(sent('authorization')).toBe(`Bearer token-of-${who.id}`)
    }
    expect(answers.join()).not.toContain('token-of-')
    const asked = echo.requests.length
    const third = await open(eve!)
    expect(third.rowOf('mine')).toMatch(/^FAILED: Connect your account: mine needs user:token, and you have not confirmed/)
    await expect(third.host.callTool('mine-echo')).rejects.toMatchObject({ name: 'ToolCallError' })
    expect(echo.requests.slice(asked).filter(({ authorization }) => ![ada!, bob!].some(({ id }) => authorization === `Bearer token-of-${id}`))).toEqual([])
    // Confirmed, and set: no timer has to pass.
    await third.session.settled(await bind(eve!, mcpServer, 'USER', 'token', 'header:Authorization'))
    expect(third.rowOf('mine')).toMatch(/^FAILED: Connect your account: mine needs user:token, and you have set no value/)
    await third.session.settled(await put(eve!, { kind: 'USER' }, 'token', 'token-of-eve'))
    await told(third.host, 'mine-echo')
    expect(sent('authorization')).toBe('Bearer token-of-eve')
    await Promise.all([hers, his, third].map(({ session }) => session.close()))
  })

  it('S14, S26: a rotation reaches a live session without losing a call, in mid-call too, and no answer shows either value', async () => {
    await put(server.admin, deployment, 'key', 'first-$HOME-value')
    await register(server.admin, deployment, 'rotating', http('X-Key', '${secret:key}'))
    const { host, session } = await open(await server.user('rot'))
    const answers = [await told(host, 'rotating-echo')]
    expect(sent('x-key')).toBe('first-$HOME-value')
    const opened = echo.sessions()
    const long = host.callTool('rotating-hang', {}, { signal: AbortSignal.timeout(60_000) }).catch(() => {})
    await hanging.started
    let isOver = false
    const loop = (async () => { while (!isOver) answers.push(await told(host, 'rotating-echo')) })()
    for (const value of ['second-value', 'third-value']) await session.settled(await put(server.admin, deployment, 'key', value))
    isOver = true
    await loop
    answers.push(await told(host, 'rotating-echo'), String(await host.callTool('rotating-fail').catch((error: unknown) => error)))
    expect(sent('x-key')).toBe('third-value')
    expect(echo.sessions()).toBe(opened)
    expect(answers.join()).not.toMatch(/\w+-value/)
    expect(answers.at(-1)).toContain('refused')

    // Its call in flight ends, too.
    await session.settled(await remove(server.admin, deployment, 'key'))
    await long
    await expect(host.callTool('rotating-echo')).rejects.toMatchObject({ name: 'ToolCallError' })
    expect(session.effective.find(({ name }) => name === 'rotating')).toMatchObject({ state: 'FAILED', reason: expect.stringMatching(/^A secret is missing: rotating needs secret:key/) as string })
    await session.close()
  })

  it('S24: another path stops it, in a turn too, and nothing carries the value until it is confirmed', async () => {
    const who = await server.user('mover')
    await put(who, { kind: 'USER' }, 'key', 'value-that-moves')
    const { mcpServer: { id } } = await register(who, { kind: 'USER' }, 'moved', http('X-Key', '${user:key}'))
    const { host, session } = await open(who)
    await host.callTool('moved-echo')
    await session.turn(async () => {
      const asked = echo.requests.length
      const { updateMcpServer: { mcpServer, cursor } } = await who.client.execute(UpdateMcpServerDocument, {
        input: { id, expectedRevision: 1, definition: { transport: http('X-Key', '${user:key}', `${echo.url}/other`) } },
      })
      await session.settled(cursor)
      await expect(host.callTool('moved-echo')).rejects.toMatchObject({ name: 'ToolCallError' })
      expect(echo.requests.slice(asked).filter((headers) => headers['x-key'] !== undefined)).toEqual([])
      expect(session.effective.find(({ name }) => name === 'moved')!.reason).toContain('Connect your account: moved needs user:key')
      // Confirmed for the new place alone: what would go to the old one stays where it is.
      const confirmed = await bind(who, mcpServer, 'USER', 'key', 'header:X-Key')
      await session.settled(confirmed)
      await expect(host.callTool('moved-echo')).rejects.toMatchObject({ name: 'ToolCallError' })
      expect(echo.requests.slice(asked).filter((headers) => headers['x-key'] !== undefined)).toEqual([])
      return confirmed
    }).then(session.settled)
    await host.callTool('moved-echo')
    expect(sent('x-key')).toBe('value-that-moves')
    await session.close()
  })

  it.each([['two lines', 'first\r\nX-Evil: yes-indeed'], ['a letter beyond Latin-1', 'value-with-€'], ['a control character', 'value-\u0007-bell']])(
    'S14: with %s cannot be sent, and the reason does not say what it is', async (what, value) => {
      const who = await server.user(`bad-${what}`)
      await put(who, { kind: 'USER' }, 'key', value)
      await register(who, { kind: 'USER' }, 'bad', http('X-Key', 'Key ${user:key}'))
      const { session, rowOf } = await open(who)
      expect(rowOf('bad')).toMatch(/^FAILED: The value of user:key cannot go into header:X-Key: a header /)
      expect(rowOf('bad')).not.toMatch(/first|yes-indeed|value-/)
      await session.close()
    })
})

describe('a variable with a secret', () => {
  const digest = (value: string) => createHash('sha256').update(value).digest('hex')

  it('S14, S26: reaches the process unchanged and nobody else; a rotation starts another beside it, and a call goes on', async () => {
    const who = await server.user('env')
    const [first, second] = ['env-$PATH-${HOME}-`id`-"value', 'env-second-\nvalue']
    await put(who, { kind: 'USER' }, 'token', first)
    await register(who, { kind: 'USER' }, 'local', stdio('${user:token}'))
    const { host, session } = await open(who)
    const said = [JSON.stringify(await host.listTools())]
    expect(await told(host, 'local-digest')).toContain(digest(first))
    said.push(await told(host, 'local-env'), String(await host.callTool('local-crash').catch((error: unknown) => error)))
    const before = await told(host, 'local-pid')
    let isOver = false
    const loop = (async () => { while (!isOver) said.push(await told(host, 'local-env')) })()
    await session.settled(await put(who, { kind: 'USER' }, 'token', second))
    isOver = true
    await loop
    expect(await told(host, 'local-digest')).toContain(digest(second))
    expect(await told(host, 'local-pid')).not.toBe(before)
    // The same value again, written anew: there is nothing to start for.
    const now = await told(host, 'local-pid')
    await session.settled(await put(who, { kind: 'USER' }, 'token', second))
    expect(await told(host, 'local-pid')).toBe(now)
    said.push(await told(host, 'local-env'), JSON.stringify(await host.listTools()))
    expect(said.join('\n')).not.toMatch(/env-\$PATH|env-second|\\"value/)
    expect(said[0]).toContain('knows [redacted]')

    await session.settled(await remove(who, { kind: 'USER' }, 'token'))
    await expect(host.callTool('local-pid')).rejects.toMatchObject({ name: 'ToolCallError' })
    await session.close()
  })

  it('S14: is not in the reason when the process dies printing its environment, cut where it would be cut in two', async () => {
    const who = await server.user('dies')
    await put(who, { kind: 'USER' }, 'token', 'dying-words-of-a-process')
    await register(who, { kind: 'USER' }, 'dying', stdio('${user:token}', 'dies'))
    const { session, rowOf } = await open(who)
    expect(rowOf('dying')).toMatch(/^FAILED: the process exited with code 3/)
    expect([rowOf('dying'), ...logs].join()).not.toMatch(/dying-w|-a-process/)
    await session.close()
  })
})
