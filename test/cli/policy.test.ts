import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultPolicy, writtenPolicy } from '../../src/core/policy-document.js'
import { pilothouse } from '../support/process.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let keeper: Person
let folder: string
beforeAll(async () => {
  server = await startTestServer()
  folder = await mkdtemp(join(tmpdir(), 'pilothouse-policy-'))
  keeper = await server.user('keeper')
  await server.team('crew', [[keeper, 'MAINTAINER']])
  await server.register(keeper, 'tickets')
  await server.register(keeper, 'charts', { owner: { kind: 'TEAM', id: 'crew' } })
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

async function run(args: string[], input = '', { token } = server.admin) {
  const child = pilothouse(['policy', ...args], { PILOTHOUSE_URL: server.url, PILOTHOUSE_TOKEN: token }, input)
  const code = await child.ended
  return { code, stdout: child.stdout(), stderr: child.stderr() }
}

describe('pilothouse policy', () => {
  it('shows the default, which can be set again as it is', async () => {
    const { code, stdout, stderr } = await run(['show'])
    expect(code).toBe(0)
    expect(stderr).toBe('Revision 0: nothing was set yet.\n')
    expect(JSON.parse(stdout)).toEqual(writtenPolicy(defaultPolicy))
    expect(await run(['simulate', '-'], stdout)).toMatchObject({ code: 0, stdout: 'No entry changes.\n' })
  })

  it('simulates, sets and warns', async () => {
    const file = join(folder, 'policy.json')
    await writeFile(file, JSON.stringify({ transports: { http: 'approve' }, urls: { privateNetworks: ['10.9.0.0/16'] } }))
    const { code, stdout } = await run(['simulate', file])
    expect(code).toBe(0)
    expect(stdout.split('\n')).toEqual([
      '2 entries change:',
      '  server  charts   team crew    ALLOW -> NEEDS_APPROVAL  definition.transport.http: http servers need an approval.',
      '  server  tickets  user keeper  ALLOW -> NEEDS_APPROVAL  definition.transport.http: http servers need an approval.', '',
    ])
    const set = await run(['set', file])
    expect(set).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Set, revision 1, at \S+\.\n$/) as string })
    expect(set.stderr).toMatch(/^warning: document\.urls\.privateNetworks\.0: It matches no entry\. \[matches-nothing\] .+\n$/)
    expect(await run(['set', file, '--expected', '0'])).toMatchObject({ code: 1, stderr: expect.stringContaining('REVISION_CONFLICT') as string })
    const shown = JSON.parse((await run(['show', '--json'])).stdout) as unknown
    expect(shown).toMatchObject({ revision: 1, document: { transports: { http: 'approve' } }, warnings: [{ rule: 'matches-nothing' }] })
    expect(JSON.parse((await run(['set', '-', '--json'], '{}')).stdout)).toMatchObject({ policy: { revision: 2, warnings: [] } })
  })

  it('of a team, by its maintainers; text of strangers stays harmless and valid', async () => {
    const text = JSON.stringify({ mcpServers: { deny: [{ serverName: 'charts' }, { serverName: 'a\u202eb\u{e0041}' }] } })
    const simulated = await run(['simulate', '-', '--owner', 'team:crew'], text, keeper)
    expect(simulated).toMatchObject({ code: 0, stdout: expect.stringContaining('1 entry changes:\n  server  charts  team crew  ALLOW -> DENY') as string })
    expect((await run(['set', '-', '--owner', 'team:crew'], text, keeper)).code).toBe(0)
    const { stdout, stderr } = await run(['show', '--owner', 'team:crew'], '', keeper)
    expect(JSON.parse(stdout)).toEqual(JSON.parse(text))
    expect(stdout + stderr).not.toMatch(/[\u202e\u{e0041}]/u)
    expect(stderr).toContain('Revision 1.\nwarning: document.mcpServers.deny.1: ')
    expect(await run(['set', '-'], '{}', keeper)).toMatchObject({ code: 1, stderr: expect.stringContaining('FORBIDDEN') as string })
    const [past, first, none] = [await run(['history', '--owner', 'team:crew'], '', keeper), await run(['history', '--owner', 'team:crew', '--revision', '1'], '', keeper), await run(['history', '--revision', '9'])]
    expect(past.stdout).toMatch(/^REVISION +AT +BY\n1 +\S{19} +keeper\n$/)
    expect(JSON.parse(first.stdout)).toEqual(JSON.parse(text))
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no revision 9') as string })
  })

  it.each([
    [['show', '--owner', 'me'], '', 1, 'Only the deployment and teams have a policy'], [['set', '-'], '{', 2, '- is no JSON'], [['set', '-'], '{"transport": {}}', 1, 'document.transport'],
    [['set', '/nowhere.json'], '', 2, 'cannot be read'], [['set', '-', '--expected', 'x'], '{}', 2, '--expected takes a revision'], [['simulate'], '', 2, 'missing required argument'],
  ])('%j with %j exits with %i and says why', async (args, input, code, message) => {
    expect(await run(args, input)).toMatchObject({ code, stderr: expect.stringContaining(message) as string })
  })
})
