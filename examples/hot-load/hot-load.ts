/**
 * The main job, told and asserted against a running server: two workers with open sessions, a real MCP server that is
 * registered, shared, disabled and deleted from elsewhere, and tools that come and go in those sessions meanwhile.
 *
 *   npm start            in one terminal
 *   npm run example      in another
 */
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import {
  CreateAccessTokenDocument, createCatalogClient, CreateTeamDocument, CreateUserDocument, DeleteEntryDocument, PolicyDocument,
  RegisterMcpServerDocument, SetEntryEnabledDocument, SetPolicyDocument, SetTeamMemberDocument, UpdateMcpServerDocument,
} from 'pilothouse/client'
import { createCatalogWorker } from 'pilothouse/worker'
import { mcpAdapter } from 'pilothouse/worker/mcp'
import { connect } from '../connection.js'

const say = (line: string) => process.stdout.write(`${line}\n`)
const suffix = randomBytes(3).toString('hex')
const { url, client: admin } = connect()

/** The official everything server, in a process of its own on a free port of loopback. */
async function startEverything(): Promise<{ url: string; process: ChildProcess }> {
  const child = fork(new URL('../server.ts', import.meta.url), ['0'], { env: {}, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const address = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the everything server ended with ${code}`)))
    child.stdout!.on('data', (text: Buffer) => {
      const found = /http:\S+\/mcp/.exec(String(text))?.[0]
      if (found !== undefined) resolve(found)
    })
  })
  return { url: address, process: child }
}

/** The default policy denies plain http and loopback; the story needs both, and puts the policy back at its end. */
async function allowLoopback(): Promise<() => Promise<void>> {
  const owner = { kind: 'DEPLOYMENT' } as const
  const { policy } = await admin.execute(PolicyDocument, { owner })
  const before = policy.document as { urls?: { insecureHttp?: string[]; privateNetworks?: string[] } }
  const document = {
    ...before,
    urls: { insecureHttp: [...before.urls?.insecureHttp ?? [], '127.0.0.1'], privateNetworks: [...before.urls?.privateNetworks ?? [], '127.0.0.0/8'] },
  }
  const { setPolicy } = await admin.execute(SetPolicyDocument, { input: { owner, expectedRevision: policy.revision, document } })
  return async () => {
    await admin.execute(SetPolicyDocument, { input: { owner, expectedRevision: setPolicy.policy.revision, document: before } })
  }
}

async function person(name: string) {
  const { createUser } = await admin.execute(CreateUserDocument, { provider: 'example', subject: `${name}-${suffix}`, displayName: name, role: 'USER' })
  const { createAccessToken } = await admin.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name, userId: createUser.id, expiresInDays: 1 } })
  return { id: createUser.id, client: createCatalogClient({ url, token: createAccessToken.secret }) }
}

const everything = await startEverything()
const restorePolicy = await allowLoopback()
const { createAccessToken } = await admin.execute(CreateAccessTokenDocument, { input: { kind: 'WORKER', name: `hot-load ${suffix}`, expiresInDays: 1 } })
const [one, two] = await Promise.all(['one', 'two'].map((name) => createCatalogWorker({ url, token: createAccessToken.secret, workerId: `${name}-${suffix}` })))
assert(one && two)
try {
  const [ada, bob] = await Promise.all([person('Ada'), person('Bob')])
  await admin.execute(CreateTeamDocument, { slug: `crew-${suffix}`, displayName: 'Crew' })
  await admin.execute(SetTeamMemberDocument, { team: `crew-${suffix}`, userId: ada.id, role: 'MAINTAINER' })
  await admin.execute(SetTeamMemberDocument, { team: `crew-${suffix}`, userId: bob.id, role: 'MEMBER' })
  const [hers, his] = [mcpAdapter(), mcpAdapter()]
  const hersSession = await one.openSession({ id: 'ada', owner: { kind: 'USER', id: ada.id }, adapter: hers })
  const hisSession = await two.openSession({ id: 'bob', owner: { kind: 'USER', id: bob.id }, adapter: his })
  assert.deepEqual([await hers.listTools(), await his.listTools()], [[], []])
  say('1. Two workers, a session each for Ada and Bob: no tools.')

  const started = performance.now()
  const { registerMcpServer: { mcpServer, cursor } } = await ada.client.execute(RegisterMcpServerDocument, {
    input: { owner: { kind: 'USER' }, name: 'everything', definition: { transport: { http: { url: everything.url } } } },
  })
  await hersSession.settled(cursor)
  const tools = await hers.listTools()
  assert(tools.some(({ name }) => name === 'everything-echo'))
  const echoed = await hers.callTool('everything-echo', { message: 'hello' })
  assert.match(JSON.stringify(echoed.content), /hello/)
  assert.deepEqual(await his.listTools(), [])
  say(`2. Ada registers the everything server: ${tools.length} tools in her open session, one called after ${Math.round(performance.now() - started)} ms. Bob has none.`)

  const shared = await ada.client.execute(UpdateMcpServerDocument, {
    input: { id: mcpServer.id, expectedRevision: 1, audience: [{ kind: 'TEAM', id: `crew-${suffix}` }] },
  })
  await hisSession.settled(shared.updateMcpServer.cursor)
  assert.equal((await his.callTool('everything-get-sum', { a: 2, b: 3 })).isError ?? false, false)
  say('3. She shares it with their team: Bob, on the other worker, calls it.')

  const disabled = await ada.client.execute(SetEntryEnabledDocument, { input: { id: mcpServer.id, expectedRevision: 2, enabled: false } })
  await Promise.all([hersSession, hisSession].map((session) => session.settled(disabled.setEntryEnabled.cursor)))
  await assert.rejects(his.callTool('everything-echo', { message: 'hello' }), { name: 'ToolCallError' })
  const enabled = await ada.client.execute(SetEntryEnabledDocument, { input: { id: mcpServer.id, expectedRevision: 3, enabled: true } })
  await Promise.all([hersSession, hisSession].map((session) => session.settled(enabled.setEntryEnabled.cursor)))
  await his.callTool('everything-echo', { message: 'back' })
  say('4. She disables it: refused. She enables it: back, in the same sessions.')

  const { deleteEntry } = await ada.client.execute(DeleteEntryDocument, { input: { id: mcpServer.id, expectedRevision: 4 } })
  await Promise.all([hersSession, hisSession].map((session) => session.settled(deleteEntry.cursor)))
  for (const host of [hers, his]) await assert.rejects(host.callTool('everything-echo', { message: 'hello' }), { name: 'ToolCallError' })
  assert.deepEqual([await hers.listTools(), await his.listTools()], [[], []])
  say('5. She deletes it: gone from both sessions, and calls are refused.')
  say('All as promised.')
} finally {
  await Promise.all([one.close(), two.close()])
  await restorePolicy()
  everything.process.removeAllListeners('exit').kill()
}
