import { beforeAll, describe, expect, it } from 'vitest'
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
    expect((await run(['user', 'list', '--search', 'iris'])).stdout).toMatch(new RegExp(`^ID .*\n${id} +corp/iris/2 +Iris \\\\u\\{202e\\}gnp +admin +active\n$`))
    expect(await run(['user', 'deactivate', id], server.admin, 'no\n')).toMatchObject({ code: 1, stderr: 'Nothing was changed.\n' })
    expect(await run(['user', 'deactivate', id], server.admin, 'yes\n')).toMatchObject({ code: 0, stdout: expect.stringContaining('it cannot be undone') as string })
    expect((await run(['user', 'list', '--search', 'iris', '--json'])).stdout).toMatch(/"deactivatedAt":"\d{4}-/)
  })

  it('shows everybody else themselves alone', async () => {
    expect((await run(['user', 'list'], mona)).stdout).toMatch(new RegExp(`^ID .*\n${mona.id} +test/mona +mona +user +active\n$`))
  })
})

describe('pilothouse team', () => {
  it('adds a team and its members, tells who is in it, and deletes it', async () => {
    expect(await run(['team', 'list'], mona)).toMatchObject({ code: 0, stdout: 'No team that you may see.\n' })
    const { stdout } = await run(['team', 'create', 'crew', '--name', 'The crew', '--json'])
    const { id } = JSON.parse(stdout) as { id: string }
    expect(await run(['team', 'add', 'crew', 'test/mona', '--role', 'maintainer'])).toMatchObject({ code: 0, stdout: `mona (${mona.id}) is a maintainer of crew.\n` })
    expect((await run(['team', 'list'], mona)).stdout).toMatch(new RegExp(`${id} +crew +The crew +mona \\(maintainer\\)\n$`))
    expect(await run(['team', 'remove', 'crew', mona.id], mona)).toMatchObject({ code: 0, stdout: `mona (${mona.id}) is no member of crew.\n` })
    expect(await run(['team', 'delete', 'crew'], server.admin, 'n\n')).toMatchObject({ code: 1 })
    expect(await run(['team', 'delete', 'crew', '--yes'])).toMatchObject({ code: 0, stdout: 'Deleted crew.\n' })
    expect((await run(['team', 'list'])).stdout).not.toContain('crew')
  })
})

describe('pilothouse audit list', () => {
  it('filters by action, target and actor; as JSON with what was before and after', async () => {
    expect((await run(['audit', 'list', '--action', 'user.create', '--target', mona.id, '--actor', server.admin.id])).stdout)
      .toMatch(new RegExp(`^ROW .*\n\\d+ +\\S{19} +user\\.create +OK +\\S.* ${mona.id}\n$`))
    expect(JSON.parse((await run(['audit', 'list', '--target', mona.id, '--json'])).stdout)).toMatchObject([{ before: null, after: { subject: 'mona' } }])
    expect((await run(['audit', 'list', '--target', 'nothing'])).stdout).toBe('Nothing matches.\n')
  })
})

describe('pilothouse token list', () => {
  it('of another person, for admins', async () => {
    expect((await run(['token', 'list', '--user', mona.id])).stdout).toMatch(/tok_\w+ +PERSONAL +mona/)
    expect(await run(['token', 'list', '--user', server.admin.id], mona)).toMatchObject({ code: 1 })
  })
})

it.each([
  [['user', 'create', 'nobody'], 2, 'names no person'], [['user', 'role', 'test/nobody', 'admin'], 2, 'There is no user'], [['user', 'role', 'test/mona', 'king'], 2, 'is no role'],
  [['team', 'create', 'No'], 1, 'This is not a slug.'], [['team', 'add', 'none', 'test/mona'], 1, 'NOT_FOUND'], [['team', 'add', 'none', 'test/mona', '--role', 'boss'], 2, 'is no role in a team'],
  [['audit', 'list', '--limit', '0'], 2, '--limit takes'],
])('%j exits with %i and says why', async (args, code, message) => {
  expect(await run(args)).toMatchObject({ code, stderr: expect.stringContaining(message) as string })
})

it('refuses what only admins may do', async () => {
  for (const args of [['user', 'create', 'a/b'], ['team', 'create', 'mine'], ['audit', 'list']]) {
    expect(await run(args, mona)).toMatchObject({ code: 1, stderr: expect.stringContaining('FORBIDDEN') as string })
  }
})
