import { beforeAll, describe, expect, it } from 'vitest'
import { DeleteEntryDocument, TeamsDocument, UsersDocument } from '../../src/client/index.js'
import { openBrowser } from '../support/browser.js'
import { pilothouse } from '../support/process.js'
import { type Person, startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const { server } = shared({ server: startTestServer })
let mona: Person
beforeAll(async () => { mona = await server.user('mona') })

async function run(args: string[], { token }: { token: string } = server.admin, input = '') {
  const child = pilothouse(args, { PILOTHOUSE_URL: server.url, PILOTHOUSE_TOKEN: token }, input)
  const code = await child.ended
  return { code, stdout: child.stdout(), stderr: child.stderr() }
}

describe('pilothouse user', () => {
  it('adds somebody, changes the role, and deactivates after a clear yes', async () => {
    const made = await run(['user', 'create', 'corp/iris/2', '--name', 'Iris \u202egnp', '--json'])
    const { id } = JSON.parse(made.stdout) as { id: string }
    expect(await run(['user', 'role', 'corp/iris/2', 'admin'])).toMatchObject({ code: 0, stdout: `Iris \\u{202e}gnp (${id}) is an admin.\n` })
    const [listed, refused] = await Promise.all([run(['user', 'list', '--search', 'iris']), run(['user', 'deactivate', id], server.admin, 'no\n')])
    expect(listed.stdout).toMatch(new RegExp(`^ID .*\n${id} +corp/iris/2 +Iris \\\\u\\{202e\\}gnp +admin +active\n$`))
    expect(refused).toMatchObject({ code: 1, stderr: 'Nothing was changed.\n' })
    const done = await run(['user', 'deactivate', id], server.admin, 'yes\n')
    expect(done).toMatchObject({ code: 0, stdout: expect.stringMatching(/it cannot be undone.*Deactivated Iris/s) as string })
    expect((await server.admin.client.execute(UsersDocument, { search: 'iris' })).users.nodes).toMatchObject([{ deactivatedAt: expect.any(String) as string }])
  })
})

describe('pilothouse team', () => {
  it('adds a team and its members, tells who is in it, and deletes it', async () => {
    const { id } = JSON.parse((await run(['team', 'create', 'crew', '--name', 'The crew', '--json'])).stdout) as { id: string }
    expect(await run(['team', 'add', 'crew', 'test/mona', '--role', 'maintainer'])).toMatchObject({ code: 0, stdout: `mona (${mona.id}) is a maintainer of crew.\n` })
    expect((await run(['team', 'list'], mona)).stdout).toMatch(new RegExp(`${id} +crew +The crew +mona \\(maintainer\\)\n$`))
    expect(await run(['team', 'remove', 'crew', mona.id], mona)).toMatchObject({ code: 0, stdout: `mona (${mona.id}) is no member of crew.\n` })
    expect(await run(['team', 'delete', 'crew', '--yes'])).toMatchObject({ code: 0, stdout: 'Deleted crew.\n' })
    expect((await server.admin.client.execute(TeamsDocument)).teams).toEqual([])
  })
})

it('audit list filters by action, target and actor; as JSON with what was before and after', async () => {
  const [found, json] = await Promise.all([
    run(['audit', 'list', '--action', 'user.create', '--target', mona.id, '--actor', server.admin.id]), run(['audit', 'list', '--target', mona.id, '--limit', '1', '--json']),
  ])
  expect(found.stdout).toMatch(new RegExp(`^ROW .*\n\\d+ +\\S{19} +user\\.create +OK +\\S.* ${mona.id}\n$`))
  expect(JSON.parse(json.stdout)).toMatchObject([{ target: mona.id, after: { id: mona.id } }])
})

it('audit finds by name whom and what events are about, there or gone, and tells of them in words', async () => {
  const { id } = await server.register(mona, 'tickets')
  await server.admin.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 1 } })
  // Called like her, and nobody who does anything.
  await server.register(mona, 'mona')
  // Whose name begins with hers, and who is refused.
  await (await server.user('mona-lisa')).raw(`{ consoleSessions(userId: "${mona.id}") { nodes { id } } }`)
  const [found, listed, looked, refused, several, none] = await Promise.all([
    run(['audit', 'find', 'TICK']), run(['audit', 'list', '--about', 'tickets', '--actor', 'mona', '--since', '2001-01-01']),
    run(['audit', 'list', '--chain', 'access', '--outcome', 'break_glass', '--about', 'test/mona']),
    run(['audit', 'list', '--chain', 'access', '--outcome', 'denied', '--about', 'test/mona']), run(['audit', 'list', '--about', 'm']), run(['audit', 'list', '--actor', 'nobody']),
  ])
  expect(found.stdout).toMatch(new RegExp(`^ID .*\n${id} +MCP_SERVER +tickets +mona +gone\n$`))
  expect(listed.stdout).toMatch(new RegExp(`^ROW .*\n\\d+ .* mcpServer\\.register +OK +mona registered the MCP server tickets of mona +${id}\n$`))
  expect(looked.stdout).toMatch(/^ROW .*\n.* BREAK_GLASS +Admin broke glass: to change what mona has +USER:usr_\w+\n$/)
  expect(refused.stdout).toMatch(/^ROW .*\n.* DENIED +mona-lisa was refused: to look after the tokens of mona +USER:usr_\w+\n$/)
  expect(several).toMatchObject({ code: 2, stderr: expect.stringMatching(/names several; give the id of one:\nID .*\n.*usr_/) as string })
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('nothing is or was called "nobody"') as string })
})

it('token list shows those of another person, to admins', async () => {
  const [shown, refused] = await Promise.all([run(['token', 'list', '--user', mona.id]), run(['token', 'list', '--user', server.admin.id], mona)])
  expect(shown.stdout).toMatch(/tok_\w+ +PERSONAL +mona/)
  expect(refused).toMatchObject({ code: 1 })
})

it('session list and end: where somebody is signed in at the console, and no more', async () => {
  const browsers = [openBrowser(server.url), openBrowser(server.url), openBrowser(server.url)]
  for (const browser of browsers) await browser.signIn(mona.token)
  const [listed, refused] = await Promise.all([run(['session', 'list'], mona), run(['session', 'list', '--user', server.admin.id], mona)])
  expect(listed.stdout).toMatch(/^ID +SINCE .*\n(cns_\w+ +[-\dT: ]+ +token mona\n){3}$/)
  expect(refused.code).toBe(2)
  const [newest] = /cns_\w+/.exec(listed.stdout)!
  expect(await run(['session', 'end', newest], mona)).toMatchObject({ code: 0, stdout: `Ended ${newest}.\n` })
  expect(await Promise.all(browsers.map(async (browser) => (await browser.whoAmI())[0]))).toEqual([200, 200, 401])
  expect(await run(['session', 'end', '--all', '--user', 'test/mona'])).toMatchObject({ code: 0, stdout: 'Ended 2 sessions.\n' })
  expect((await run(['session', 'list'], mona)).stdout).toBe('No browser is signed in.\n')
})

it.each([
  [['session', 'end'], 2, 'or --all'], [['session', 'end', 'cns_1', '--all'], 2, 'or --all'], [['session', 'end', 'cns_1'], 1, 'NOT_FOUND'],
  [['session', 'end', 'cns_1', '--user', 'test/mona'], 2, '--user goes with --all'], [['audit', 'list', '--since', 'yesterday'], 1, 'This is no moment'], [['audit', 'list', '--until', '2030-02-31'], 1, 'This is no moment'],
  [['user', 'role', 'test/nobody', 'admin'], 2, 'There is no user'], [['user', 'role', 'test/mona', 'king'], 2, 'is no role'], [['user', 'create', 'a/b'], 1, 'FORBIDDEN'],
  [['team', 'add', 'none', 'test/mona', '--role', 'boss'], 2, 'is no role in a team'], [['audit', 'list', '--limit', '0'], 2, '--limit takes'], [['audit', 'list', '--chain', 'x'], 2, '--chain takes one of CHANGES, ACCESS'],
])('%j of a person who is no admin exits with %i and says why', async (args, code, message) => {
  expect(await run(args, mona)).toMatchObject({ code, stderr: expect.stringContaining(message) as string })
})
