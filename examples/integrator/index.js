/**
 * A worker of somebody who installed `pilothouse` from its tarball: nothing here comes from the project's sources.
 * It opens a session, registers an MCP server, and sees its tools come and go. Any failure ends it with a code that is not 0.
 *
 *   npm pack && mv pilothouse-*.tgz examples/integrator/pilothouse.tgz        in the project; then, in this folder:
 *   npm install
 *   PILOTHOUSE_URL=http://127.0.0.1:4000/graphql PILOTHOUSE_TOKEN=pht_… node index.js        (an admin's token)
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  CatalogRequestError, CreateAccessTokenDocument, createCatalogClient, DeleteEntryDocument, PolicyDocument, RegisterMcpServerDocument,
  SetEntryEnabledDocument, SetPolicyDocument, ViewerDocument,
} from 'pilothouse/client'
import { createCatalogWorker, ToolCallError } from 'pilothouse/worker'
import { mcpAdapter } from 'pilothouse/worker/mcp'
import { startMcpServer } from './mcp-server.js'

const { PILOTHOUSE_URL: url, PILOTHOUSE_TOKEN: token } = process.env
assert(url && token, 'Set PILOTHOUSE_URL and PILOTHOUSE_TOKEN.')
const client = createCatalogClient({ url, token })

/** The default policy denies plain http and loopback; this story needs both. @returns what puts the policy back */
async function allowLoopback() {
  const owner = /** @type {const} */ ({ kind: 'DEPLOYMENT' })
  const { policy } = await client.execute(PolicyDocument, { owner })
  const before = /** @type {{ urls?: { insecureHttp?: string[], privateNetworks?: string[] } }} */ (policy.document)
  const urls = {
    insecureHttp: [...before.urls?.insecureHttp ?? [], '127.0.0.1'], privateNetworks: [...before.urls?.privateNetworks ?? [], '127.0.0.0/8'],
  }
  const { setPolicy } = await client.execute(SetPolicyDocument, { input: { owner, expectedRevision: policy.revision, document: { ...before, urls } } })
  return () => client.execute(SetPolicyDocument, { input: { owner, expectedRevision: setPolicy.policy.revision, document: before } })
}

const { viewer } = await client.execute(ViewerDocument)
const owner = /** @type {const} */ ({ kind: 'USER', id: viewer.principal.id })
// A worker has a token of its own, which can read effective sets and change nothing.
const { createAccessToken } = await client.execute(CreateAccessTokenDocument, {
  input: { kind: 'WORKER', name: 'integrator', expiresInDays: 1, serves: [owner] },
})
const name = `shouter-${randomBytes(3).toString('hex')}`
const tool = `${name}-shout`
const mcpServer = await startMcpServer()
const restorePolicy = await allowLoopback()
const worker = await createCatalogWorker({ url, token: createAccessToken.secret, workerId: name })
try {
  const host = mcpAdapter()
  const session = await worker.openSession({ id: 'session', owner, adapter: host })
  const isOffered = async () => (await host.listTools()).some((each) => each.name === tool)
  let changes = 0
  host.onToolsChanged(() => { changes += 1 })
  assert.equal(await isOffered(), false)
  console.log(`A session is open for ${viewer.principal.displayName}.`)

  const { registerMcpServer } = await client.execute(RegisterMcpServerDocument, {
    input: { owner, name, definition: { transport: { http: { url: mcpServer.url } } } },
  })
  const { id } = registerMcpServer.mcpServer
  await session.settled(registerMcpServer.cursor)
  assert.equal(await isOffered(), true)
  assert.deepEqual((await host.callTool(tool, { text: 'hello' })).content, [{ type: 'text', text: 'HELLO' }])
  console.log(`${name} was registered: its tool is in the session and answers.`)

  const taken = client.execute(RegisterMcpServerDocument, { input: { owner, name, definition: { transport: { http: { url: mcpServer.url } } } } })
  await assert.rejects(taken, (error) => error instanceof CatalogRequestError && error.code === 'NAME_TAKEN')
  console.log('The same name once more is refused, with a code.')

  const { setEntryEnabled } = await client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 1, enabled: false } })
  await session.settled(setEntryEnabled.cursor)
  assert.equal(await isOffered(), false)
  await assert.rejects(host.callTool(tool, { text: 'hello' }), ToolCallError)
  const enabled = await client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 2, enabled: true } })
  await session.settled(enabled.setEntryEnabled.cursor)
  await host.callTool(tool, { text: 'back' })
  console.log('It was disabled, and its tool was gone; enabled, and it was back.')

  const { deleteEntry } = await client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 3 } })
  await session.settled(deleteEntry.cursor)
  assert.equal(await isOffered(), false)
  await assert.rejects(host.callTool(tool, { text: 'hello' }), ToolCallError)
  assert(changes >= 4, `the host was told of ${changes} changes`)
  console.log('It was deleted: the tool is gone, and a call is refused.')
  console.log(`All as promised, on Node ${process.version}.`)
} finally {
  await worker.close()
  await restorePolicy()
  mcpServer.close()
}
