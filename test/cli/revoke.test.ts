import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type AppliedEntryInput, RegisterAgentDocument, ReportWorkerStatusDocument } from '../../src/client/index.js'
import { pilothouse } from '../support/process.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let alice: Person
let bob: Person
let worker: Person
beforeAll(async () => {
  server = await startTestServer()
  alice = await server.user('alice')
  bob = await server.user('bob')
  worker = await server.worker()
})
afterAll(() => server.close())

const start = (args: string[], who: Person = alice) => pilothouse(['revoke', ...args], { PILOTHOUSE_URL: server.url, PILOTHOUSE_TOKEN: who.token }, '')
async function run(args: string[], who?: Person) {
  const child = start(args, who)
  const code = await child.ended
  return { code, stdout: child.stdout(), stderr: child.stderr() }
}

let number = 0
async function report(id: string, cursor: string, state: AppliedEntryInput['state'], more: Partial<AppliedEntryInput> = {}): Promise<void> {
  number += 1
  await worker.client.execute(ReportWorkerStatusDocument, {
    input: {
      workerId: 'desk-1', processId: 'p', number, full: true,
      sessions: [{ id: 's1', owner: { kind: 'USER', id: alice.id }, cursor, entries: [{ entryId: id, name: 'x', kind: 'MCP_SERVER', origin: 'catalog', revision: 1, state, ...more }] }],
    },
  })
}

describe('pilothouse revoke', () => {
  it('tells who will lose it, revokes it, and prints the receipt as it fills', async () => {
    const { id, cursor } = await server.register(alice, 'leaky')
    await report(id, cursor, 'APPLIED')
    const child = start(['leaky', '--reason', 'Key leaked.', '--wait'])
    await child.says(/1 session on 1 worker will lose it:\n +desk-1 +s1 +user alice +APPLIED/)
    const [, gone] = await child.says(/Revoked leaky \(revision 2\), at ([0-9a-f-]+)\. Receipt rev_/)
    await child.says(/desk-1 {2}s1 {2}APPLIED/)
    await report(id, cursor, 'STOPPING')
    await child.says(/desk-1 {2}s1 {2}STOPPING/)
    await report(id, gone!, 'STOPPED', { reason: 'REVOKED: \u001b[31mended', refusedCalls: 3 })
    expect(await child.ended).toBe(0)
    expect(child.stdout()).toMatch(/desk-1 {2}s1 {2}STOPPED {2}REVOKED: .*; 3 calls refused\nCOMPLETE: 1 of 1 session stopped\.\n$/)
    expect(child.stdout()).not.toContain('\u001b')
    expect(await run(['leaky'])).toMatchObject({ code: 0, stdout: expect.stringContaining('COMPLETE: 1 of 1 session stopped.') as string })
  })

  it('exits with 1 when it is overdue, with JSON of the receipt', async () => {
    const { id, cursor } = await server.register(alice, 'stubborn')
    await report(id, cursor, 'APPLIED')
    const child = start([id, '--deadline', '1', '--wait', '--json'])
    // Heard of since, and it runs on.
    for (let at = 0; at < 5; at++) await report(id, cursor, 'APPLIED')
    const beating = (async () => {
      for (let code: unknown = null; code === null;) {
        await report(id, cursor, 'APPLIED')
        code = child.process.exitCode
      }
    })()
    expect(await child.ended).toBe(1)
    await beating
    expect(JSON.parse(child.stdout())).toMatchObject({ state: 'OVERDUE', targets: { nodes: [{ sessionId: 's1', state: 'APPLIED' }] } })
  })

  it('S17: waits on when the server is away for a moment', async () => {
    const { id, cursor } = await server.register(alice, 'patient')
    await report(id, cursor, 'APPLIED')
    let failures = 2
    const between = createServer((request, response) => {
      void (async () => {
        const body = await text(request)
        if (body.includes('query Revocation(') && failures-- > 0) return response.writeHead(503).end('away')
        const answer = await fetch(server.url, { method: 'POST', body, headers: { 'content-type': 'application/json', authorization: request.headers.authorization! } })
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
      })()
    })
    await once(between.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => { between.close() })
    const child = start([id, '--wait', '--url', `http://127.0.0.1:${(between.address() as AddressInfo).port}/graphql`])
    const [, gone] = await child.says(/at ([0-9a-f-]+)\. Receipt rev_/)
    await child.says(/desk-1 {2}s1 {2}APPLIED/)
    await report(id, gone!, 'STOPPED')
    expect(await child.ended).toBe(0)
    expect(failures).toBeLessThan(0)
  })

  it('exits with 1 when the receipt is not to be read any more', async () => {
    const teamId = await server.team('crew', [[alice, 'MAINTAINER'], [bob, 'MAINTAINER']])
    const { id, cursor } = await server.register(alice, 'of-crew', { owner: { kind: 'TEAM', id: teamId } })
    await report(id, cursor, 'APPLIED')
    const child = start([id, '--deadline', '3600', '--wait'])
    await child.says(/desk-1 {2}s1 {2}APPLIED/)
    const { errors } = await server.admin.raw('mutation ($user: ID!) { removeTeamMember(team: "crew", userId: $user) { id } }', { user: alice.id })
    expect(errors).toBeUndefined()
    expect(await child.ended).toBe(1)
    expect(child.stderr()).toContain('not yours to read any more')
  })

  it('without --wait answers at once', async () => {
    const { id } = await server.register(bob, 'unused')
    const { code, stdout } = await run(['unused', '--mode', 'drain', '--deadline', '60', '--json'], bob)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ entry: { id, status: 'REVOKED' }, revocation: { mode: 'DRAIN', state: 'COMPLETE', targetCount: 0 } })
  })

  it.each<[string, string[], number, string]>([
    ['an entry that is none', ['nothing'], 2, 'me has no entry named "nothing"'],
    ['an owner that is none', ['x', '--owner', 'somebody'], 2, 'names no owner'],
    ['another id', ['srv_000000000000000000000000'], 1, 'NOT_FOUND'],
    ['a mode that is none', ['x', '--mode', 'gently'], 2, 'drain, immediate'],
    ['half a second', ['x', '--deadline', '0.5'], 2, 'whole number'],
    ['no entry', [], 2, 'missing required argument'],
  ])('%s', async (_, args, code, message) => {
    const result = await run(args)
    expect(result).toMatchObject({ code, stderr: expect.stringContaining(message) as string })
    expect(result.stderr).not.toContain('    at ')
  })

  it('says which ids there are when a server and an agent have the name', async () => {
    const { id } = await server.register(alice, 'both')
    await alice.client.execute(RegisterAgentDocument, { input: { owner: { kind: 'USER' }, name: 'both', definition: { prompt: 'Help.' } } })
    expect(await run(['both'])).toMatchObject({ code: 2, stderr: expect.stringContaining(id) as string })
    expect(await run([id])).toMatchObject({ code: 0 })
  })
})
