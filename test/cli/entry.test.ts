import { beforeAll, describe, expect, it } from 'vitest'
import { RegisterAgentDocument, UpdateMcpServerDocument } from '../../src/client/index.js'
import { pilothouse } from '../support/process.js'
import { applied, report, sessionOf } from '../support/reporting.js'
import { type Person, startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const { server } = shared({ server: startTestServer })
let alice: Person
beforeAll(async () => { alice = await server.user('alice') })

async function run(...args: string[]) {
  const child = pilothouse(args, { PILOTHOUSE_URL: server.url, PILOTHOUSE_TOKEN: alice.token }, '')
  const code = await child.ended
  return { code, stdout: child.stdout(), stderr: child.stderr() }
}

const entryOf = async (id: string) => (await alice.raw('query ($id: ID!) { mcpServer(id: $id) { name status visibility revision audience { kind id } transport { ... on RemoteTransport { url } } } }', { id })).data?.mcpServer

describe('pilothouse, about one entry', () => {
  it('disables with the number of sessions and the receipt, enables, and deletes', async () => {
    const { id } = await server.register(alice, 'switched')
    await report(await server.worker(), 'desk', 1, [sessionOf(alice, 's1', { entries: [applied('switched', { entryId: id })] })])
    const off = await run('disable', 'switched', '--deadline', '60')
    expect(off).toMatchObject({ code: 0, stdout: expect.stringMatching(/1 session on 1 worker will lose it:\n +desk +s1 +user alice +APPLIED\nDisabled switched \(revision 2, DISABLED: .*Receipt rev_.*\nPENDING: 0 of 1 session stopped, until /) as string })
    expect((await run('enable', 'switched')).stdout).toMatch(/^Enabled switched \(revision 3, ACTIVE\), at [0-9a-f-]+\.\n$/)
    const gone = JSON.parse((await run('delete', id, '--mode', 'drain', '--json')).stdout) as object
    expect([gone, await entryOf(id)]).toMatchObject([{ entry: null, revocation: { mode: 'DRAIN', targetCount: 1 } }, null])
  })

  it('rolls back, shares with some, everybody and nobody, and asks for a revoked one back', async () => {
    const { id } = await server.register(alice, 'moving')
    const team = await server.team('crew', [[alice, 'MAINTAINER']])
    await alice.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, definition: { transport: { http: { url: 'https://other.example.com/mcp' } } } } })
    expect((await run('rollback', 'moving', '1')).stdout).toContain('Rolled back to revision 1: moving (revision 3, ACTIVE)')
    expect(await entryOf(id)).toMatchObject({ transport: { url: 'https://moving.example.com/mcp' } })
    expect((await run('share', 'moving', 'team:crew')).code).toBe(0)
    expect(await entryOf(id)).toMatchObject({ visibility: 'SHARED', audience: [{ kind: 'TEAM', id: team }] })
    expect((await run('share', 'moving', '--private', '--json')).code).toBe(0)
    expect(await entryOf(id)).toMatchObject({ visibility: 'PRIVATE', audience: [] })
    await run('revoke', 'moving', '--json')
    expect((await run('restore', 'moving')).stdout).toContain('Asked for moving (revision 7, PENDING_APPROVAL')
    await alice.client.execute(RegisterAgentDocument, { input: { owner: { kind: 'USER' }, name: 'helper', definition: { prompt: 'Help.' } } })
    expect((await run('share', 'helper', 'team:crew')).stdout).toContain('Shared helper (revision 2')
  })

  it('changes what no file has a place for, and nothing else', async () => {
    const { id } = await server.register(alice, 'plain')
    expect((await run('change', 'plain', '--name', 'renamed', '--apply', 'next-session')).stdout).toMatch(/^Changed renamed \(revision 2, ACTIVE\), at /)
    const definition = { prompt: 'Write.', description: 'Writes.', skills: ['spelling'], mcpServers: ['renamed'], inheritDefaultMcpServers: true, tools: ['look'], model: 'gpt-5' }
    await alice.client.execute(RegisterAgentDocument, { input: { owner: { kind: 'USER' }, name: 'writer', definition } })
    expect((await run('change', 'writer', '--model', 'gpt-6', '--no-tools', '--json')).code).toBe(0)
    const { data } = await alice.raw(`query ($id: ID!) {
      mcpServer(id: $id) { name apply locked transport { ... on RemoteTransport { url } } }
      agents(search: "writer") { nodes { prompt description skills mcpServers inheritDefaultMcpServers tools model apply } }
    }`, { id })
    expect(data).toEqual({
      mcpServer: { name: 'renamed', apply: 'NEXT_SESSION', locked: false, transport: { url: 'https://plain.example.com/mcp' } },
      agents: { nodes: [{ ...definition, tools: [], model: 'gpt-6', apply: 'NEXT_TURN' }] },
    })
    expect(await run('change', 'renamed', '--model', 'gpt-6')).toMatchObject({ code: 2, stderr: expect.stringContaining('Only an agent') as string })
  })

  it('locks what is the deployment\'s, where its admin says so', async () => {
    const entry = { owner: { kind: 'DEPLOYMENT' as const }, name: 'fixed', definition: { prompt: 'Fixed.' } }
    await server.admin.client.execute(RegisterAgentDocument, { input: entry })
    const asAdmin = async (...args: string[]) => await pilothouse(args, { PILOTHOUSE_URL: server.url, PILOTHOUSE_TOKEN: server.admin.token }, '').ended
    const isLocked = async () => (await server.admin.raw('{ agents(search: "fixed") { nodes { locked } } }')).data
    expect([await asAdmin('change', 'fixed', '--owner', 'deployment', '--locked'), await isLocked()]).toEqual([0, { agents: { nodes: [{ locked: true }] } }])
    expect([await asAdmin('change', 'fixed', '--owner', 'deployment', '--no-locked'), await isLocked()]).toEqual([0, { agents: { nodes: [{ locked: false }] } }])
  })

  it('explains why it is, or is not, in one\'s sessions', async () => {
    await server.register(alice, 'explained')
    const [yes, no] = await Promise.all([run('explain', 'explained'), run('explain', 'explained', '--agent')])
    expect(yes).toMatchObject({ code: 0, stdout: expect.stringMatching(/^explained: yes\n {2}entry +ok +explained of alice, revision 1\.\n {2}scope +ok +It is yours\.\n/) as string })
    expect(no).toEqual({ code: 1, stdout: 'explained: no\n  entry  no  There is no entry of that name for you.\n', stderr: '' })
  })

  it.each<[string, string[], number, string]>([
    ['an entry that is none', ['enable', 'nothing'], 2, 'me has no entry named "nothing"'],
    ['an id that is none', ['enable', 'srv_000000000000000000000000'], 2, 'There is no entry'],
    ['a revision that is none', ['rollback', 'x', 'last'], 2, 'whole number from 1'],
    ['nobody to share with', ['share', 'x'], 2, 'Say with whom'],
    ['everybody and nobody', ['share', 'x', '--public', '--private'], 2, 'Say with whom'],
    ['an owner that is none', ['share', 'x', 'crew'], 2, 'names no owner'],
    ['nothing to change', ['change', 'x'], 2, 'Say what to change'],
    ['a moment that is none', ['change', 'x', '--apply', 'later'], 2, 'now, next-turn, next-session'],
    ['half a second', ['delete', 'x', '--deadline', '0.5'], 2, 'whole number'],
    ['a mode that is none', ['disable', 'x', '--mode', 'gently'], 2, 'drain, immediate'],
  ])('%s', async (_, args, code, message) => {
    const result = await run(...args)
    expect(result).toMatchObject({ code, stderr: expect.stringContaining(message) as string })
    expect(result.stderr).not.toContain('    at ')
  })
})
