import { chmodSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ApprovalDocument, ApprovalsDocument, DecideApprovalDocument, type DecideApprovalInput, McpServersDocument, PolicyDocument, RegisterMcpServerDocument, SetPolicyDocument,
  UpdateMcpServerDocument,
} from '../../src/client/index.js'
import { mcpAdapter } from '../../src/worker/adapters/mcp.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { usualPath } from '../../src/worker/launchers.js'
import { isAlive, serverScript } from '../support/mcp-servers.js'
import { type Person, startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

let folder: string
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pilothouse-approved-')))
  // Each process of the server has a child that leaves its group and heeds no SIGTERM.
  writeFileSync(join(folder, 'server.mjs'), `
    import { spawn } from 'node:child_process'
    import { appendFileSync } from 'node:fs'
    const child = spawn('/bin/sh', ['-c', 'trap "" TERM; exec sleep 1000'], { detached: true, stdio: 'ignore' })
    appendFileSync(${JSON.stringify(join(folder, 'pids-'))} + process.argv[2], process.pid + ' ' + child.pid + ' ')
    process.argv[2] = 'stdio'
    await import(${JSON.stringify(pathToFileURL(serverScript('everything')).href)})`)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const { server } = shared({ server: () => startTestServer() })
const { worker } = shared({
  worker: async () => createCatalogWorker({ url: server.url, token: (await server.worker()).token, workerId: 'w', graceMs: 100, env: { PATH: usualPath } }),
})
beforeAll(async () => { await setPolicy({}) })

/** The deployment's, in which scripts may lie in the test's folder. */
async function setPolicy(changes: object): Promise<string> {
  const owner = { kind: 'DEPLOYMENT' } as const
  const { policy } = await server.admin.client.execute(PolicyDocument, { owner })
  const document = { stdio: { directories: [folder] }, ...changes }
  return (await server.admin.client.execute(SetPolicyDocument, { input: { owner, expectedRevision: policy.revision, document } })).setPolicy.cursor
}

const definitionOf = (...args: string[]) => ({ transport: { stdio: { command: 'node', args: [join(folder, 'server.mjs'), ...args] } } })
/** Of every process that was started with that first argument, and of its child. */
const pidsOf = (mark: string) => {
  const path = join(folder, `pids-${mark}`)
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split(' ').map(Number) : []
}
const statusOf = async ({ client }: Person) => (await client.execute(McpServersDocument, { owner: { kind: 'USER' } })).mcpServers.nodes[0]!

async function requestOf({ id }: Person) {
  const { approvals } = await server.admin.client.execute(ApprovalsDocument, { state: 'PENDING' })
  return approvals.nodes.find(({ entry }) => entry?.owner.id === id)!
}

async function decide(who: Person, decision: DecideApprovalInput['decision'], note?: string): Promise<string> {
  const { id, digest } = await requestOf(who)
  return (await server.admin.client.execute(DecideApprovalDocument, { input: { id, digest, decision, note } })).decideApproval.cursor
}

/** Somebody with an open session and a stdio server that waits. */
async function waiting(name: string, mark: string) {
  const who = await server.user(name)
  const host = mcpAdapter()
  const session = await worker.openSession({ id: name, owner: { kind: 'USER', id: who.id }, adapter: host })
  const { registerMcpServer: { mcpServer } } = await who.client.execute(RegisterMcpServerDocument, {
    input: { owner: { kind: 'USER' }, name: 'local', definition: definitionOf(mark) },
  })
  let expectedRevision = 1
  return {
    who, host, session, mcpServer,
    update: async (...args: string[]) => {
      const { updateMcpServer } = await who.client.execute(UpdateMcpServerDocument, { input: { id: mcpServer.id, expectedRevision, definition: definitionOf(...args) } })
      expectedRevision += 1
      return updateMcpServer.cursor
    },
  }
}

describe('a stdio server of the catalog in a live session', () => {
  it('S3, S5, S13: runs once it is approved, is gone with its grandchildren when one argument changes, and is back when that is approved', async () => {
    const { who, host, session, mcpServer, update } = await waiting('ada', 'one')
    expect([mcpServer.status, await host.listTools(), pidsOf('one')]).toEqual(['PENDING_APPROVAL', [], []])
    await session.settled(await decide(who, 'APPROVE'))
    expect((await host.callTool('local-echo', { message: 'x' })).content).toMatchObject([{ text: 'Echo: x' }])
    expect(pidsOf('one').map(isAlive)).toEqual([true, true])

    await session.settled(await update('two'))
    expect([await host.listTools(), (await statusOf(who)).status]).toEqual([[], 'PENDING_APPROVAL'])
    await expect(host.callTool('local-echo', { message: 'x' })).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' })
    expect([pidsOf('one').map(isAlive), pidsOf('two')]).toEqual([[false, false], []])

    const { approval } = await server.admin.client.execute(ApprovalDocument, { id: (await requestOf(who)).id })
    expect(approval!.diff).toMatch(/^Command line: node \S+ two\n[^]*\n- +"one"\n\+ +"two"\n/)
    await session.settled(await decide(who, 'APPROVE'))
    expect((await host.callTool('local-echo', { message: 'y' })).content).toMatchObject([{ text: 'Echo: y' }])
    await session.close()
    expect([...pidsOf('one'), ...pidsOf('two')].map(isAlive)).toEqual([false, false, false, false])
  })

  it('S5: never runs when it is rejected, also not what was approved before', async () => {
    const { who, host, session, update } = await waiting('bob', 'three')
    await session.settled(await decide(who, 'APPROVE'))
    await session.settled(await update('three', '--more'))
    await decide(who, 'REJECT', 'Say what it is for.')
    expect([await host.listTools(), await statusOf(who)]).toMatchObject([[], { status: 'REJECTED', statusReason: expect.stringContaining('Say what it is for.') as string }])
    await update('three')
    expect((await statusOf(who)).status).toBe('PENDING_APPROVAL')
    await session.settled(await decide(who, 'APPROVE'))
    expect((await host.listTools()).length).toBeGreaterThan(0)
    expect(pidsOf('three').map(isAlive)).toEqual([false, false, true, true])
    await session.close()
  })

  it('S13, S19: the policy of the moment counts: denied it ends with its processes and nobody can approve it; allowed again it runs', async () => {
    const [running, waits] = [await waiting('kim', 'four'), await waiting('lou', 'five')]
    const { who, host, session } = running
    await session.settled(await decide(who, 'APPROVE'))
    expect(pidsOf('four').map(isAlive)).toEqual([true, true])
    await session.settled(await setPolicy({ transports: { stdio: 'deny' } }))
    expect([await host.listTools(), (await statusOf(who)).status, pidsOf('four').map(isAlive)]).toEqual([[], 'POLICY_DENIED', [false, false]])
    await expect(decide(waits.who, 'APPROVE')).rejects.toMatchObject({ code: 'POLICY_DENIED' })
    await session.settled(await setPolicy({}))
    expect((await host.callTool('local-echo', { message: 'z' })).content).toMatchObject([{ text: 'Echo: z' }])
    expect([await waits.host.listTools(), pidsOf('five')]).toEqual([[], []])
    await Promise.all([session.close(), waits.session.close()])
  })

  it('S3: an approval says nothing of a file that others may change since: it is not started, and the session says why', async () => {
    const { who, session } = await waiting('eve', 'six')
    await session.settled(await decide(who, 'APPROVE'))
    await session.close()
    chmodSync(join(folder, 'server.mjs'), 0o666)
    const again = await worker.openSession({ id: 'again', owner: { kind: 'USER', id: who.id }, adapter: mcpAdapter() })
    expect(again.effective).toMatchObject([{ name: 'local', state: 'FAILED', reason: expect.stringMatching(/server\.mjs is writable for others\. /) as string }])
    await again.close()
    chmodSync(join(folder, 'server.mjs'), 0o644)
    expect(pidsOf('six').map(isAlive)).toEqual([false, false])
  })
})
