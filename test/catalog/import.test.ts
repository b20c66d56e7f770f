import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AgentsDocument, ImportCatalogDocument, type ImportCatalogInput, McpServersDocument } from '../../src/client/index.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
beforeAll(async () => { server = await startTestServer() })
afterAll(() => server.close())

const flat = JSON.stringify({
  search: { type: 'http', url: 'https://search.example.com/mcp', headers: { Authorization: 'Bearer ${secret:search}' }, tools: ['find*'] },
  local: { command: 'npx', args: ['-y', 'srv@1.0.0'] },
})

async function run(who: Person, input: Partial<ImportCatalogInput> & { text: string }) {
  const { importCatalog } = await who.client.execute(ImportCatalogDocument, { input: { owner: { kind: 'USER' }, format: 'MCP_JSON', ...input } })
  return { cursor: importCatalog.cursor, outcomes: Object.fromEntries(importCatalog.items.map(({ name, outcome }) => [name, outcome])), items: importCatalog.items }
}

const list = async (who: Person) => (await who.client.execute(McpServersDocument, { owner: { kind: 'USER' } })).mcpServers.nodes.map(({ name, revision, status }) => `${name}@${revision} ${status}`)

describe('importCatalog', () => {
  it('tells with a dry run what an import then does, flat and wrapped', async () => {
    const user = await server.user('importer')
    for (const text of [flat, JSON.stringify({ mcpServers: JSON.parse(flat) as object }), `\ufeff${flat}`]) {
      const dry = await run(user, { text, dryRun: true })
      expect(dry).toMatchObject({ cursor: null, outcomes: { search: 'CREATED', local: 'CREATED' } })
      expect(dry.items.find(({ name }) => name === 'local')?.findings).toMatchObject([{ rule: 'transport' }])
      expect(await list(user)).toEqual([])
    }
    const live = await user.watch()
    await live.nextSnapshot()
    const done = await run(user, { text: flat })
    expect(done.cursor).not.toBeNull()
    expect(await list(user)).toEqual(['local@1 PENDING_APPROVAL', 'search@1 ACTIVE'])
    expect((await live.nextDelta()).upserted.map(({ name }) => name)).toEqual(['search'])
  })

  it('FAIL is all or nothing; SKIP, UPDATE and RENAME leave out what is refused and take the rest', async () => {
    const user = await server.user('conflicted')
    await server.register(user, 'search')
    const text = JSON.stringify({ ...JSON.parse(flat) as object, bad: { type: 'http', url: 'https://x.example.com/${HOME}' } })
    expect((await run(user, { text })).outcomes).toEqual({ search: 'REFUSED', local: 'NOT_WRITTEN', bad: 'REFUSED' })
    expect(await list(user)).toEqual(['search@1 ACTIVE'])
    expect((await run(user, { text, onConflict: 'RENAME' })).outcomes).toEqual({ 'search-2': 'RENAMED', local: 'CREATED', bad: 'REFUSED' })
    expect((await run(user, { text, onConflict: 'SKIP' })).outcomes).toEqual({ search: 'SKIPPED', local: 'SKIPPED', bad: 'REFUSED' })
    expect((await run(user, { text, onConflict: 'UPDATE' })).outcomes).toEqual({ search: 'UPDATED', local: 'UNCHANGED', bad: 'REFUSED' })
    expect(await list(user)).toEqual(['local@1 PENDING_APPROVAL', 'search@2 ACTIVE', 'search-2@1 ACTIVE'])
  })

  it('S22: what is not a definition is dropped with a finding and never run', async () => {
    const user = await server.user('dropped')
    const { items } = await run(user, { text: JSON.stringify({ s: { type: 'http', url: 'https://s.example.com', headersHelper: 'rm -rf /', envFile: '.env', hooks: {} }, '__proto__x': 1 }), onConflict: 'SKIP' })
    expect(items.map(({ name, outcome }) => [name, outcome])).toEqual([['s', 'CREATED'], ['__proto__x', 'REFUSED']])
    expect(items[0]!.findings.map(({ rule, field }) => [rule, field])).toEqual([['unknown-key', 's.headersHelper'], ['unknown-key', 's.envFile'], ['unknown-key', 's.hooks']])
  })

  it('takes a .agent.md', async () => {
    const user = await server.user('author')
    const text = '---\nschemaVersion: 2\nversion: 1.0.0\nname: planner\ndescription: Plans\nmcpServers:\n  - search\n---\n\nPlan well.\n'
    expect((await run(user, { text, format: 'AGENT_MD' })).outcomes).toEqual({ planner: 'CREATED' })
    const { agents } = await user.client.execute(AgentsDocument, {})
    expect(agents.nodes).toMatchObject([{ name: 'planner', description: 'Plans', prompt: 'Plan well.\n', mcpServers: ['search'] }])
  })

  it.each([['no JSON', '{oops'], ['a list', '[1]'], ['null', 'null'], ['an agent without a prompt', '---\nname: x\n---\n']])('refuses a text that is %s as a whole', async (what, text) => {
    const user = await server.user(`whole-${what}`)
    const format = what.startsWith('an agent') ? 'AGENT_MD' : 'MCP_JSON'
    await expect(run(user, { text, format })).rejects.toMatchObject({ code: 'INVALID_INPUT', extensions: { field: 'text', mend: expect.any(String) as string } })
  })

  const stdio = (more: object) => JSON.stringify({ s: { command: 'node', args: ['/srv/mcp/a.js'], ...more } })
  const named = (name: string) => JSON.stringify({ [name]: { url: 'https://s.example.com/mcp' } })
  const agent = (name: string, more = '') => `---\nschemaVersion: 2\nversion: 1\nname: ${name}\n${more}---\nPlan.\n`

  it.each<[string, string, string]>([
    ['a cwd above', stdio({ cwd: '../x' }), 'stdio'],
    ['a cwd that goes up on its way', stdio({ cwd: '/srv/mcp/../../etc' }), 'stdio'],
    ['a cwd of the system', stdio({ cwd: '/etc' }), 'stdio'],
    ['NUL in a cwd', stdio({ cwd: '/srv/mcp\0' }), 'form'],
    ['a command above', stdio({ command: '../run' }), 'stdio'],
    ['a command that goes up on its way', stdio({ command: '/srv/mcp/../../bin/true' }), 'stdio'],
    ['NUL in a command', stdio({ command: '/srv/mcp/run\0.sh' }), 'form'],
    ['a script above', stdio({ args: ['../a.js'] }), 'stdio'],
    ['a script that goes up on its way', stdio({ args: ['/srv/mcp/../../tmp/a.js'] }), 'stdio'],
    ['NUL in an argument', stdio({ args: ['/srv/mcp/a.js\0'] }), 'form'],
    ['too long a path', stdio({ cwd: `/srv/${'x'.repeat(2000)}` }), 'form'],
    ['a name that goes up', named('../s'), 'name'],
    ['an absolute name', named('/etc/passwd'), 'name'],
    ['a name of two dots', named('..'), 'name'],
    ['NUL in a name', named('s\0'), 'name'],
    ['a name in capitals', named('S'), 'name'],
    ['too long a name', named('s'.repeat(41)), 'name'],
    ['an agent whose name goes up', agent('../planner'), 'name'],
    ['an agent with a skill above', agent('planner', 'skills: [../../etc]\n'), 'agent-references'],
    ['an agent with an absolute skill', agent('planner', 'skills:\n  - /etc/passwd\n'), 'agent-references'],
    ['an agent with NUL in a skill', agent('planner', 'skills: [a\0b]\n'), 'form'],
    ['an agent with NUL in its prompt', `${agent('planner')}\0`, 'form'],
    ['an agent with too long a prompt', `${agent('planner')}${'x'.repeat(200_001)}`, 'form'],
  ])('S16: refuses %s', async (what, text, rule) => {
    const format = what.startsWith('an agent') ? 'AGENT_MD' : 'MCP_JSON'
    for (const onConflict of ['FAIL', 'RENAME'] as const) {
      const { cursor, items } = await run(server.admin, { text, format, onConflict })
      expect([cursor, items.map(({ outcome }) => outcome)]).toEqual([null, ['REFUSED']])
      expect(items[0]!.findings.map((finding) => finding.rule)).toContain(rule)
    }
  })

  it('S16: takes the plain names and paths beside them', async () => {
    const user = await server.user('contained')
    expect((await run(user, { text: stdio({ cwd: '/srv/mcp' }) })).outcomes).toEqual({ s: 'CREATED' })
    expect((await run(user, { text: agent('planner', 'skills: [triage, ..data]\n'), format: 'AGENT_MD' })).outcomes).toEqual({ planner: 'CREATED' })
  })

  it('S16: of two names that differ by case it takes neither, and an oversize text not at all', async () => {
    const user = await server.user('oversize')
    const twice = JSON.stringify({ tickets: { url: 'https://a.example.com' }, Tickets: { url: 'https://b.example.com' } })
    expect((await run(user, { text: twice })).outcomes).toEqual({ tickets: 'NOT_WRITTEN', Tickets: 'REFUSED' })
    const many = JSON.stringify(Object.fromEntries(Array.from({ length: 501 }, (_, at) => [`s${at}`, { url: 'https://a.example.com' }])))
    for (const text of [named('s').padEnd(1_000_001), many]) await expect(run(user, { text })).rejects.toMatchObject({ code: 'INVALID_INPUT', extensions: { field: 'text' } })
    await run(user, { text: named('s').padEnd(1_000_000) })
    expect(await list(user)).toEqual(['s@1 ACTIVE'])
  })
})
