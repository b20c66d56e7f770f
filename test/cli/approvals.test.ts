import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RegisterMcpServerDocument, UpdateMcpServerDocument } from '../../src/client/index.js'
import { pilothouse } from '../support/process.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let alice: Person
let bob: Person
beforeAll(async () => {
  server = await startTestServer()
  ;[alice, bob] = [await server.user('alice'), await server.user('bob')]
})
afterAll(() => server.close())

async function run(args: string[], who: Person = server.admin, input = '') {
  const child = pilothouse(args, { PILOTHOUSE_URL: server.url, PILOTHOUSE_TOKEN: who.token }, input)
  const code = await child.ended
  return { code, stdout: child.stdout(), stderr: child.stderr() }
}

const npx = (...args: string[]) => ({ transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3', ...args] } } })
const register = async (who: Person, name: string, ...args: string[]) =>
  (await who.client.execute(RegisterMcpServerDocument, { input: { owner: { kind: 'USER' }, name, definition: npx(...args) } })).registerMcpServer.mcpServer

describe('pilothouse approvals, approve, reject', () => {
  it('shows the whole command line, the difference and who gets it, and asks before it decides', async () => {
    const long = 'x'.repeat(3_000)
    const { id } = await register(alice, 'shown', long, 'a b', '\u00fcgpj', 'it\'s')
    expect((await run(['approvals'])).stdout).toMatch(/^REQUEST.*\napr_[0-9a-f]{24} +shown +user alice +pending +alice +20/)
    const asked = await run(['approve', 'shown'], server.admin, 'n\n')
    expect(asked).toMatchObject({ code: 1, stdout: expect.stringContaining('Nothing was decided.') as string })
    expect(asked.stdout).toContain(`Command line: npx -y srv@1.2.3 ${long} 'a b' $'\\U000000fcgpj' 'it'\\''s'`)
    expect(asked.stdout).toContain('shown (MCP server) of user alice\nWho gets it: alice (PRIVATE)\nAsked for by alice at ')
    expect(asked.stdout).toContain('+++ revision 1')
    expect(await run(['approve', 'shown'])).toMatchObject({ code: 1 })
    const approved = await run(['approve', 'shown', '--note', 'Fine.'], server.admin, 'yes\n')
    expect(approved).toMatchObject({ code: 0, stdout: expect.stringMatching(/Approved shown, at [0-9a-f-]+; the entry is active\.\n$/) as string })
    await alice.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, definition: npx('b') } })
    const again = await run(['reject', 'shown', '--note', 'Why b?', '--yes'])
    expect(again.stdout).toContain('Approved before: npx -y srv@1.2.3 xxx')
    expect(again.stdout).toMatch(/Rejected shown, at .*; the entry is rejected\.\n$/)
    expect((await run(['approvals', '--state', 'rejected'], alice)).stdout).toContain('Why b?')
    expect(JSON.parse((await run(['approvals', '--state', 'all', '--json'], alice)).stdout)).toMatchObject([{ state: 'REJECTED' }, { state: 'VOID', note: 'Fine.' }])
  })

  it('decides by id and by owner, and says which there are', async () => {
    await register(alice, 'both')
    await register(bob, 'both')
    const { code, stderr } = await run(['approve', 'both', '--yes'])
    expect(code).toBe(2)
    expect(stderr).toMatch(/Several requests .*apr_\w+ \(user bob\), apr_\w+ \(user alice\)/)
    expect((await run(['approve', 'both', '--owner', `user:${alice.id}`, '--yes'])).code).toBe(0)
    const [, ofBob] = /(apr_\w+) \(user bob\)/.exec(stderr)!
    expect(JSON.parse((await run(['approve', ofBob!, '--yes', '--json'])).stdout)).toMatchObject({ approval: { id: ofBob, state: 'APPROVED' } })
    expect(await run(['approve', ofBob!, '--yes'])).toMatchObject({ code: 1, stderr: expect.stringContaining('REVISION_CONFLICT: It is approved already by Admin.') as string })
  })

  it.each<[string, string[], 'alice' | 'admin', number, RegExp]>([
    ['nothing that waits', ['approve', 'nothing'], 'admin', 2, /No request for "nothing" is pending/],
    ['another id', ['reject', 'apr_000000000000000000000000', '--yes'], 'admin', 2, /no request "apr_0/],
    ['one\'s own', ['approve', 'mine', '--yes'], 'alice', 1, /APPROVAL_NOT_ALLOWED.*Ask an admin other than yourself/],
    ['JSON without a yes', ['approve', 'mine', '--json'], 'admin', 2, /needs --yes/],
    ['a state that is none', ['approvals', '--state', 'open'], 'admin', 2, /pending, approved/],
    ['no request', ['approve'], 'admin', 2, /missing required argument/],
  ])('%s', async (_, args, who, code, message) => {
    if (args[1] === 'mine' && who === 'alice') await register(alice, 'mine')
    const result = await run(args, who === 'alice' ? alice : server.admin)
    expect(result).toMatchObject({ code, stderr: expect.stringMatching(message) as string })
    expect(result.stderr).not.toContain('    at ')
  })
})
