/**
 * Secrets, told and asserted against a running server: one shared MCP server that three people call with accounts of their own, a key that
 * is replaced while they do, an address that changes, and secrets that are deleted.
 *
 *   npm start                                 in one terminal
 *   npm run example:secrets                   in another; readme.md beside this file has the options
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { argv } from 'node:process'
import {
  BindSecretDocument, type CatalogClient, CreateAccessTokenDocument, createCatalogClient, CreateUserDocument, DeleteEntryDocument, DeleteSecretDocument,
  ExplainAvailabilityDocument, McpServerDocument, type OwnerInput, PolicyDocument, PutSecretDocument, RegisterMcpServerDocument, SecretBindingsDocument,
  SecretsDocument, SetPolicyDocument, UpdateMcpServerDocument,
} from 'pilothouse/client'
import { createCatalogWorker } from 'pilothouse/worker'
import { mcpAdapter } from 'pilothouse/worker/mcp'
import { connect } from '../connection.js'
import { startDesk } from './desk.js'

const say = (line: string) => process.stdout.write(`${line}\n`)
/** On a busy machine times are told and not asserted. */
const isTimed = !argv.includes('--untimed')
const suffix = randomBytes(3).toString('hex')
const { url, client: admin } = connect()
const deployment: OwnerInput = { kind: 'DEPLOYMENT' }
const [name, keyName] = [`desk-${suffix}`, `desk-key-${suffix}`]

/** What the desk knows, by value. In a value, `$` means nothing to anybody. */
const names = new Map<string, string>()
const values: string[] = []
function newValue(what: string): string {
  const value = `$HOME-${randomBytes(24).toString('base64url')}`
  names.set(value, what)
  values.push(value)
  return value
}

/** Everything that anybody was told: at the end it is searched for the values. */
const told: unknown[] = []
function tell<Answer>(answer: Answer): Answer {
  told.push(answer)
  return answer
}

/** The default policy denies plain http and loopback; the story needs both, and puts the policy back at its end. */
async function allowLoopback(): Promise<() => Promise<void>> {
  const { policy } = await admin.execute(PolicyDocument, { owner: deployment })
  const before = policy.document as { urls?: { insecureHttp?: string[]; privateNetworks?: string[] } }
  const urls = { insecureHttp: [...before.urls?.insecureHttp ?? [], '127.0.0.1'], privateNetworks: [...before.urls?.privateNetworks ?? [], '127.0.0.0/8'] }
  const { setPolicy } = await admin.execute(SetPolicyDocument, { input: { owner: deployment, expectedRevision: policy.revision, document: { ...before, urls } } })
  return async () => {
    await admin.execute(SetPolicyDocument, { input: { owner: deployment, expectedRevision: setPolicy.policy.revision, document: before } })
  }
}

const put = async (client: CatalogClient, owner: OwnerInput, secret: string, value: string) => (
  tell(await client.execute(PutSecretDocument, { input: { owner, name: secret, value } })).putSecret.cursor
)
const remove = async (client: CatalogClient, owner: OwnerInput, secret: string) => (
  tell(await client.execute(DeleteSecretDocument, { input: { owner, name: secret } })).deleteSecret.cursor
)
/** Looks at the server as it now is, and confirms what is not confirmed yet and may be by this person. */
async function bind(client: CatalogClient, scope: 'OWNER' | 'USER'): Promise<string> {
  const { mcpServer } = tell(await client.execute(McpServerDocument, { id: entryId! }))
  const { secretBindings } = tell(await client.execute(SecretBindingsDocument, { entryId: entryId! }))
  const { reference } = secretBindings.find((one) => one.reference.scope === scope && !one.bound)!
  return tell(await client.execute(BindSecretDocument, { input: { entryId: entryId!, digest: mcpServer!.digest, ...reference } })).bindSecret.cursor
}

const definitionFor = (desk: string) => ({
  transport: { http: { url: desk, headers: [{ name: 'Authorization', value: 'Bearer ${user:desk}' }, { name: 'X-Desk-Key', value: `\${secret:${keyName}}` }] } },
})

let entryId: string | null = null
const [desk, moved] = await Promise.all([startDesk(names), startDesk(names)])
const restorePolicy = await allowLoopback()
const { createAccessToken } = await admin.execute(CreateAccessTokenDocument, { input: { kind: 'WORKER', name: `secrets ${suffix}`, expiresInDays: 1 } })
const worker = await createCatalogWorker({ url, token: createAccessToken.secret, workerId: `secrets-${suffix}`, log: tell })

/** Somebody with an open session on the one worker. */
async function person(displayName: string) {
  const { createUser: { id } } = await admin.execute(CreateUserDocument, { provider: 'example', subject: `${displayName}-${suffix}`, displayName, role: 'USER' })
  const { createAccessToken } = await admin.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name: displayName, userId: id, expiresInDays: 1 } })
  const client = createCatalogClient({ url, token: createAccessToken.secret })
  const host = mcpAdapter()
  const session = await worker.openSession({ id: displayName, owner: { kind: 'USER', id }, adapter: host })
  return {
    id, client, session,
    /** Calls the desk; answers with whom and which key it saw. */
    ask: async () => {
      const { content } = tell(await host.callTool(`${name}-whoami`)) as { content: Array<{ text: string }> }
      return content[0]!.text
    },
    toolCount: async () => tell(await host.listTools()).length,
    /** Why the desk is not in the session. */
    reason: () => tell(session.effective.find((entry) => entry.name === name))?.reason ?? '',
    connect: async () => {
      await put(client, { kind: 'USER' }, 'desk', newValue(displayName))
      return bind(client, 'USER')
    },
  }
}
type Person = Awaited<ReturnType<typeof person>>
const settled = async (people: Person[], cursor: string) => { await Promise.all(people.map(({ session }) => session.settled(cursor))) }
/** The milliseconds that something takes: less than a second. */
async function msUntil(done: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await done()
  const tookMs = Math.round(performance.now() - started)
  if (isTimed) assert(tookMs < 1000, `It took ${tookMs} ms. If this machine is busy, run it with --untimed.`)
  return tookMs
}
const refused = (who: Person) => assert.rejects(who.ask(), { name: 'ToolCallError' })

try {
  const [ada, bob, eve] = await Promise.all([person('Ada'), person('Bob'), person('Eve')])
  const everybody = [ada, bob, eve]
  await put(admin, deployment, keyName, newValue('first key'))
  const { registerMcpServer } = await admin.execute(RegisterMcpServerDocument, { input: { owner: deployment, name, definition: definitionFor(desk.url) } })
  entryId = registerMcpServer.mcpServer.id
  for (const who of [ada, bob]) await who.session.settled(await who.connect())
  assert.deepEqual([await ada.ask(), await bob.ask()], ['Ada, first key', 'Bob, first key'])
  say('1. A server of the deployment wants the account of whoever calls. Ada and Bob have connected theirs: one worker, one entry, and each is known by name.')

  assert.match(eve.reason(), /^Connect your account: /)
  const { explainAvailability } = tell(await eve.client.execute(ExplainAvailabilityDocument, { owner: { kind: 'USER', id: eve.id }, kind: 'MCP_SERVER', name }))
  const why = explainAvailability.steps.find(({ passed, reason }) => !passed && reason?.includes('Connect your account'))
  assert(why, JSON.stringify(explainAvailability.steps))
  await refused(eve)
  say(`2. Eve has not. Her session says: ${eve.reason()}`)
  say(`   explainAvailability says: ${why.reason}`)
  const connectedMs = await msUntil(async () => {
    await eve.session.settled(await eve.connect())
    assert.equal(await eve.ask(), 'Eve, first key')
  })
  say(`   She sets her token and confirms where it goes. ${connectedMs} ms later the session that was open all the time has called it as Eve.`)

  let isInUse = false
  const answers: string[] = []
  /** Calls without a pause, until ten calls have begun after the new key was in use. */
  const loops = everybody.map(async ({ ask }) => {
    for (let after = 0; after < 10;) {
      const isAfter = isInUse
      answers.push(await ask())
      if (!isAfter) continue
      assert.match(answers.at(-1)!, /second key$/)
      after += 1
    }
  })
  const [rotatedMs] = await Promise.all([
    msUntil(async () => settled(everybody, await put(admin, deployment, keyName, newValue('second key'))).finally(() => { isInUse = true })), ...loops,
  ])
  names.delete(values[0]!)
  for (const { ask } of everybody) assert.match(await ask(), /second key$/)
  const counts = ['first', 'second'].map((which) => answers.filter((answer) => answer.endsWith(`${which} key`)).length)
  say(`3. The deployment's key is replaced while all three call without a pause. ${rotatedMs} ms later it is in use in every session: ${counts[0]} calls came with the`)
  say(`   first key, ${counts[1]} with the second, and none failed.`)

  const [before, beforeMoved] = [desk.withValues(), moved.withValues()]
  const { updateMcpServer } = await admin.execute(UpdateMcpServerDocument, { input: { id: entryId, expectedRevision: 1, definition: definitionFor(moved.url) } })
  await settled(everybody, updateMcpServer.cursor)
  for (const who of everybody) await refused(who)
  await settled(everybody, await bind(admin, 'OWNER'))
  for (const who of everybody) await refused(who)
  assert.deepEqual([desk.withValues() - before, moved.withValues() - beforeMoved], [0, 0])
  say('4. The server moves to another address. Nothing is sent there, and nothing to the old one, until people have confirmed that: 0 requests with a value.')
  await ada.session.settled(await bind(ada.client, 'USER'))
  assert.equal(await ada.ask(), 'Ada, second key')
  await refused(bob)
  await bob.session.settled(await bind(bob.client, 'USER'))
  assert.equal(await bob.ask(), 'Bob, second key')
  say('   Ada confirms, and has it. Bob does, and has it. Eve does not.')

  const lostMs = await msUntil(async () => ada.session.settled(await remove(ada.client, { kind: 'USER' }, 'desk')))
  assert.equal(await ada.toolCount(), 0)
  await refused(ada)
  assert.match(ada.reason(), /^Connect your account: /)
  assert.equal(await bob.ask(), 'Bob, second key')
  say(`5. Ada deletes her token. ${lostMs} ms later it is gone from her session, and Bob goes on.`)
  await bob.session.settled(await remove(admin, deployment, keyName))
  assert.equal(await bob.toolCount(), 0)
  await refused(bob)
  say(`   The deployment's key is deleted, and Bob has lost it too: ${bob.reason()}`)

  tell(await eve.client.execute(SecretsDocument, { owner: { kind: 'USER' } }))
  const text = JSON.stringify(told)
  for (const known of [name, keyName, 'first key', 'second key']) assert(text.includes(known), `${known} should be found`)
  for (const value of values) assert(!text.includes(value.slice('$HOME-'.length)), 'a value was shown')
  say(`6. ${told.length} answers, results, rows and log lines of the story hold none of the ${values.length} values.`)
  say('All as promised.')
} finally {
  const ends = [
    () => worker.close(), restorePolicy, desk.close, moved.close,
    async () => {
      if (entryId === null) return
      const { mcpServer } = await admin.execute(McpServerDocument, { id: entryId })
      await admin.execute(DeleteEntryDocument, { input: { id: entryId, expectedRevision: mcpServer!.revision } })
    },
    async () => {
      const { secrets } = await admin.execute(SecretsDocument, { owner: deployment })
      if (secrets.some((secret) => secret.name === keyName)) await remove(admin, deployment, keyName)
    },
  ]
  for (const end of ends) await end().catch((error: unknown) => say(String(error)))
}
