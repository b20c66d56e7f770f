/**
 * stdio servers that nobody has to fear, told and asserted against a running server: a person registers an npx server, an
 * admin sees what would be run and approves exactly that, and two live sessions get it and lose it accordingly.
 *
 *   npm start                                 in one terminal
 *   npm run example:approval                  in another; readme.md beside this file has the options
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { argv, execPath } from 'node:process'
import { fileURLToPath } from 'node:url'
import {
  ApprovalDocument, ApprovalsDocument, CatalogRequestError, CreateAccessTokenDocument, createCatalogClient, CreateUserDocument, DecideApprovalDocument,
  DeleteEntryDocument, McpServersDocument, PolicyDocument, RegisterMcpServerDocument, SetPolicyDocument, SimulatePolicyDocument, UpdateMcpServerDocument,
} from 'pilothouse/client'
import { createCatalogWorker } from 'pilothouse/worker'
import { mcpAdapter } from 'pilothouse/worker/mcp'
import { connect } from '../connection.js'

const say = (line: string) => process.stdout.write(`${line}\n`)
const quote = (text: string) => text.trimEnd().split('\n').forEach((line) => say(`     ${line}`))
const isRealNpx = argv.includes('--real-npx')
/** Starting a process takes a busy machine, or the real npx, as long as it takes. */
const isTimed = !isRealNpx && !argv.includes('--untimed')
const suffix = randomBytes(3).toString('hex')
const { url, client: admin } = connect()
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pilothouse-example-')))
const [reports, salaries] = ['reports', 'salaries'].map((name) => join(folder, name)) as [string, string]
for (const path of [reports, salaries]) {
  mkdirSync(path)
  writeFileSync(join(path, 'note.txt'), `What ${path} says.\n`)
}

/** The official filesystem server in one exact version; what follows the package says which folders it may read. */
const { version } = createRequire(import.meta.url)('@modelcontextprotocol/server-filesystem/package.json') as { version: string }
const argsFor = (path: string) => ['-y', `@modelcontextprotocol/server-filesystem@${version}`, path]
const definitionFor = (path: string) => ({ transport: { stdio: { command: 'npx', args: argsFor(path) } } })
const commandLine = (path: string) => ['npx', ...argsFor(path)].join(' ')

/** Where the workers find npx: this machine's own, with a place to keep what it downloads; or a file of that name which needs no registry. */
function launchers(): { launcherPath?: string; packageCache?: string } {
  if (isRealNpx) return { packageCache: join(folder, 'packages') }
  const launcherPath = join(folder, 'bin')
  mkdirSync(launcherPath)
  const quoted = [execPath, fileURLToPath(new URL('npx.js', import.meta.url))].map((path) => `'${path.replaceAll("'", "'\\''")}'`).join(' ')
  writeFileSync(join(launcherPath, 'npx'), `#!/bin/sh\nexec ${quoted} "$@"\n`)
  chmodSync(join(launcherPath, 'npx'), 0o700)
  return { launcherPath }
}

async function person(name: string, role: 'ADMIN' | 'USER') {
  const { createUser } = await admin.execute(CreateUserDocument, { provider: 'example', subject: `${name}-${suffix}`, displayName: name, role })
  const { createAccessToken } = await admin.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name, userId: createUser.id, expiresInDays: 1 } })
  return { id: createUser.id, client: createCatalogClient({ url, token: createAccessToken.secret }) }
}

const [ada, kim] = await Promise.all([person('Ada', 'USER'), person('Kim', 'ADMIN')])
const { createAccessToken } = await admin.execute(CreateAccessTokenDocument, { input: { kind: 'WORKER', name: `approval ${suffix}`, expiresInDays: 1 } })
const ways = launchers()
const workers = await Promise.all(['one', 'two'].map((name) => (
  createCatalogWorker({ url, token: createAccessToken.secret, workerId: `${name}-${suffix}`, connectTimeoutMs: 120_000, ...ways })
)))
const hosts = workers.map(() => mcpAdapter())
const owner = { kind: 'DEPLOYMENT' } as const
const { policy: before } = await admin.execute(PolicyDocument, { owner })
let policyRevision = before.revision
let entryId: string | null = null

async function setPolicy(document: unknown): Promise<string> {
  const { setPolicy: { policy, cursor } } = await kim.client.execute(SetPolicyDocument, { input: { owner, expectedRevision: policyRevision, document } })
  policyRevision = policy.revision
  return cursor
}

/** What waits for a decision on the entry, as its approver sees it. */
async function request() {
  for (let after: string | null = null; ;) {
    const { approvals }: { approvals: { nodes: Array<{ id: string; digest: string; entry: { id: string } | null }>; pageInfo: { hasNextPage: boolean; endCursor: string | null } } } =
      await kim.client.execute(ApprovalsDocument, { state: 'PENDING', after })
    const found = approvals.nodes.find(({ entry }) => entry?.id === entryId)
    if (found !== undefined) return (await kim.client.execute(ApprovalDocument, { id: found.id })).approval!
    assert(approvals.pageInfo.hasNextPage, 'nothing waits for a decision')
    after = approvals.pageInfo.endCursor
  }
}

const approve = (client: typeof admin, { id, digest }: { id: string; digest: string }) => (
  client.execute(DecideApprovalDocument, { input: { id, digest, decision: 'APPROVE' } }).then(({ decideApproval }) => decideApproval.cursor)
)
const stateOf = async () => (await ada.client.execute(McpServersDocument, { owner: { kind: 'USER' } })).mcpServers.nodes[0]!
const readNote = (path: string) => hosts[0]!.callTool('files-read_text_file', { path: join(path, 'note.txt') })
const toolsOfBoth = async () => (await Promise.all(hosts.map((host) => host.listTools()))).map((tools) => tools.length)

try {
  const sessions = await Promise.all(workers.map((worker, at) => worker.openSession({ id: `ada-${at}`, owner: { kind: 'USER', id: ada.id }, adapter: hosts[at]! })))
  const settled = async (cursor: string) => { await Promise.all(sessions.map((session) => session.settled(cursor))) }
  /** Resolves with the milliseconds from the decision to the tools in both sessions. */
  const whenApproved = async (waiting: { id: string; digest: string }) => {
    const started = performance.now()
    await settled(await approve(kim.client, waiting))
    const tookMs = Math.round(performance.now() - started)
    const counts = await toolsOfBoth()
    assert(counts.every((count) => count > 0), sessions.flatMap(({ effective }) => effective.map(({ reason }) => reason)).join(' '))
    if (isTimed) assert(tookMs < 1000, `${tookMs} ms until both sessions had the tools. If this machine is busy, run it with --untimed.`)
    return { tookMs, counts }
  }

  const { registerMcpServer: { mcpServer } } = await ada.client.execute(RegisterMcpServerDocument, {
    input: { owner: { kind: 'USER' }, name: 'files', definition: definitionFor(reports) },
  })
  entryId = mcpServer.id
  assert.equal(mcpServer.status, 'PENDING_APPROVAL')
  say('1. Ada has two live sessions, on two workers. She registers an npx server: it waits, and nothing was started.')

  const first = await request()
  const code = await approve(ada.client, first).then(() => 'approved', (error: unknown) => (error instanceof CatalogRequestError ? error.code : String(error)))
  assert.equal(code, 'APPROVAL_NOT_ALLOWED')
  assert.deepEqual(await toolsOfBoth(), [0, 0])
  say(`2. She tries to approve it herself: ${code}.`)

  assert(first.diff.includes(`Command line: ${commandLine(reports)}\n`))
  say('3. Kim, an admin, sees what would be run:')
  quote(first.diff)
  const { tookMs, counts } = await whenApproved(first)
  assert.match(JSON.stringify((await readNote(reports)).content), /What .*reports says/)
  say(`   She approves. ${tookMs} ms later both sessions have its ${counts[0]} tools, and one was called.`)

  const { updateMcpServer } = await ada.client.execute(UpdateMcpServerDocument, { input: { id: entryId, expectedRevision: 1, definition: definitionFor(salaries) } })
  await settled(updateMcpServer.cursor)
  assert.equal((await stateOf()).status, 'PENDING_APPROVAL')
  assert.deepEqual(await toolsOfBoth(), [0, 0])
  await assert.rejects(readNote(reports), { name: 'ToolCallError' })
  say('4. Ada changes one argument: gone from both sessions, its processes have ended, and calls are refused.')
  const second = await request()
  for (const line of [`-      "${reports}"`, `+      "${salaries}"`]) assert(second.diff.includes(line), second.diff)
  say('   Kim sees which argument it is:')
  quote(second.diff)
  await whenApproved(second)
  assert.match(JSON.stringify((await readNote(salaries)).content), /What .*salaries says/)
  assert.equal((await readNote(reports)).isError, true)
  say('   She approves that too: back, with the new folder and not the old one.')

  const document = before.document as { mcpServers?: { deny?: unknown[] } }
  const tightened = { ...document, mcpServers: { ...document.mcpServers, deny: [...document.mcpServers?.deny ?? [], { serverCommand: ['npx', ...argsFor(salaries)] }] } }
  const { simulatePolicy } = await kim.client.execute(SimulatePolicyDocument, { input: { owner, expectedRevision: policyRevision, document: tightened } })
  assert.deepEqual(simulatePolicy.nodes.map(({ entry, after }) => [entry.id, after.kind]), [[entryId, 'DENY']])
  assert.equal((await toolsOfBoth()).includes(0), false)
  const [foretold] = simulatePolicy.nodes
  say(`5. Kim tries out a policy that denies this command line: it would change ${simulatePolicy.nodes.length} entry, ${foretold!.entry.name}, to ${foretold!.after.kind}.`)
  await settled(await setPolicy(tightened))
  const denied = await stateOf()
  assert.equal(denied.status, 'POLICY_DENIED')
  for (const { message } of foretold!.after.findings) assert(denied.statusReason?.includes(message), denied.statusReason ?? 'no reason')
  assert.deepEqual(await toolsOfBoth(), [0, 0])
  say('   She sets it: withdrawn from both sessions, as foretold and for the reason that was foretold.')

  await settled(await setPolicy(before.document))
  assert.equal((await stateOf()).status, 'ACTIVE')
  assert.equal((await toolsOfBoth()).includes(0), false)
  say('6. She puts the policy back as it was: what was approved counts again.')
  say('All as promised.')
} finally {
  const ends = [
    ...workers.map((worker) => () => worker.close()),
    async () => { if (policyRevision !== before.revision) await setPolicy(before.document) },
    async () => { if (entryId !== null) await kim.client.execute(DeleteEntryDocument, { input: { id: entryId, expectedRevision: (await stateOf()).revision } }) },
  ]
  for (const end of ends) await end().catch((error: unknown) => say(String(error)))
  rmSync(folder, { recursive: true, force: true })
}
