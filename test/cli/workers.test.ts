import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pilothouse } from '../support/process.js'
import { applied, report, sessionOf } from '../support/reporting.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let user: Person
beforeAll(async () => {
  server = await startTestServer()
  user = await server.user('mona')
  const machine = await server.worker()
  const { id, cursor } = await server.register(user, 'tickets')
  const entries = [
    applied('tickets', { entryId: id, revision: 1 }), applied('shell', { origin: '/srv/plugin/.mcp.json', revision: null }),
    applied('maps', { entryId: 'srv_gone', revision: 4, state: 'FAILED', reason: 'no route to \u001b[31mhost' }),
  ]
  await report(machine, 'desk-1', 1, [
    sessionOf(user, 's1', { agent: 'helper', cursor, entries }), ...Array.from({ length: 250 }, (_, at) => sessionOf(server.admin, `other-${at}`, { cursor })),
  ])
})
afterAll(() => server.close())

async function run(args: string[], { token } = user, url = server.url) {
  const child = pilothouse(args, { PILOTHOUSE_URL: url, PILOTHOUSE_TOKEN: token }, '')
  const code = await child.ended
  return { code, stdout: child.stdout(), stderr: child.stderr() }
}

describe('pilothouse workers', () => {
  it('tells a person of the workers that have sessions of theirs', async () => {
    const { code, stdout } = await run(['workers'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^WORKER +CONNECTED +LAST SEEN +LAG +SESSIONS +STATES\ndesk-1 +yes +\d{4}-\S+ +current +1 +2 applied, 1 failed\n$/)
  })

  it('tells an admin of all, over more than one page', async () => {
    const { code, stdout } = await run(['workers', '--json'], server.admin)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject([{ name: 'desk-1', connected: true, lagSeconds: null, sessions: 251, states: { APPLIED: 2, FAILED: 1 } }])
  })

  it('says so when there is none', async () => {
    const nobody = await server.user('nobody')
    for (const command of ['workers', 'sessions']) expect(await run([command], nobody)).toMatchObject({ code: 0, stdout: 'No worker has reported a session that you may see.\n' })
  })
})

describe('pilothouse sessions', () => {
  it('tells what each has, why not, and where static entries come from; what strangers say is made harmless', async () => {
    const { code, stdout } = await run(['sessions'])
    expect(code).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toEqual([
      's1 on desk-1, for user mona, agent helper',
      expect.stringMatching(/^ {2}server +tickets +revision 1 +applied$/), expect.stringMatching(/^ {2}server +shell +\/srv\/plugin\/\.mcp\.json +applied$/),
      expect.stringMatching(/^ {2}server +maps +revision 4 +failed +no route to {2}\[31mhost$/),
    ])
  })

  it('of one owner, as JSON', async () => {
    const { stdout } = await run(['sessions', '--owner', 'user:test/mona', '--json'], server.admin)
    expect(JSON.parse(stdout)).toMatchObject([{ worker: 'desk-1', connected: true, id: 's1', agent: 'helper', entries: [{ name: 'tickets' }, { name: 'shell' }, { name: 'maps' }] }])
    const { stdout: all } = await run(['sessions', '--json'], server.admin)
    expect(JSON.parse(all)).toHaveLength(251)
  })

  it('of one entry says where it runs, and where it was refused and why', async () => {
    const machine = await server.worker()
    const { id } = await server.register(user, 'refused')
    await report(machine, 'desk-2', 1, [
      sessionOf(user, 'r1', { entries: [applied('refused', { entryId: id, state: 'REFUSED', reason: 'A static server has its name.' }), applied('other')] }),
      sessionOf(user, 'r2', { entries: [applied('refused', { entryId: id })] }), sessionOf(user, 'r3'),
    ])
    const { code, stdout } = await run(['sessions', '--entry', id])
    expect([code, stdout.trimEnd().split('\n')]).toEqual([0, [
      'r1 on desk-2, for user mona', expect.stringMatching(/^ {2}server +refused +revision 1 +refused +A static server has its name\.$/), '',
      'r2 on desk-2, for user mona', expect.stringMatching(/^ {2}server +refused +revision 1 +applied$/),
    ]])
    const { stdout: json } = await run(['sessions', '--entry', 'refused', '--owner', 'user:test/mona', '--json'], server.admin)
    expect(JSON.parse(json)).toMatchObject([{ id: 'r1', worker: { name: 'desk-2' }, entries: [{ state: 'REFUSED' }] }, { id: 'r2', entries: [{ state: 'APPLIED' }] }])
    expect(await run(['sessions', '--entry', 'nothing'])).toMatchObject({ code: 2, stderr: expect.stringContaining('has no entry named') as string })
    await report(machine, 'desk-2', 2, [])
  })

  it.each([
    [['sessions', '--owner', 'somebody'], 2, 'names no owner'], [['sessions', '--owner', 'team:none'], 1, 'NOT_FOUND'], [['workers', 'more'], 2, 'too many arguments'],
  ])('%j exits with %i and says why', async (args, code, message) => {
    expect(await run(args)).toMatchObject({ code, stderr: expect.stringContaining(message) as string })
  })

  it('a worker\'s token, or a server that is not there, is told apart', async () => {
    expect(await run(['workers'], await server.worker())).toMatchObject({ code: 1, stderr: expect.stringContaining('FORBIDDEN') as string })
    expect(await run(['workers'], user, 'http://127.0.0.1:9/graphql')).toMatchObject({ code: 3 })
  })
})
