import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCatalogClient, RegisterMcpServerDocument } from '../../src/client/index.js'
import { pilothouse, type RunningProcess, start } from '../support/process.js'
import { createTestDatabase } from '../support/server.js'

let database: Awaited<ReturnType<typeof createTestDatabase>>
let dataDir: string
let server: RunningProcess
let url: string
let env: Record<string, string>
beforeAll(async () => {
  database = await createTestDatabase()
  dataDir = await mkdtemp(join(tmpdir(), 'pilothouse-cli-'))
  server = pilothouse(['serve'], { DATABASE_URL: database.url, PILOTHOUSE_DATA_DIR: dataDir, PORT: '0', PILOTHOUSE_SECRET_KEY: 'ab'.repeat(32) })
  url = (await server.says(/http:\/\/\S+\/graphql/))[0]
  env = { PILOTHOUSE_URL: url, PILOTHOUSE_DATA_DIR: dataDir }
})
afterAll(async () => {
  expect(await server.stop()).toBe(0)
  await database.drop()
  await rm(dataDir, { recursive: true, force: true })
})

async function run(args: string[], input?: string, more: Record<string, string> = {}) {
  const child = pilothouse(args, { ...env, ...more }, input ?? '')
  const code = await child.ended
  return { code, stdout: child.stdout(), stderr: child.stderr() }
}

describe('serve', () => {
  it('keeps the admin token in a private file, and never prints it to what is no terminal', async () => {
    await server.says(/watch --owner me/)
    const path = join(dataDir, 'admin-token')
    const token = await readFile(path, 'utf8')
    expect(token).toMatch(/^pht_[\w-]{43}$/)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(server.stdout()).toContain(path)
    expect(server.stdout() + server.stderr()).not.toContain(token)
  })

  it('reports every problem of the configuration at once, without values', async () => {
    const { code, stderr } = await run(['serve'], '', { PORT: 'canary', DATABASE_URL: 'mysql://canary', PILOTHOUSE_AUDIT_KEY: 'canary', PILOTHOUSE_LOG_LEVEL: 'loud' })
    expect(code).toBe(2)
    for (const name of ['PORT', 'DATABASE_URL', 'PILOTHOUSE_AUDIT_KEY', 'PILOTHOUSE_LOG_LEVEL']) expect(stderr).toContain(`${name}: `)
    expect(stderr).not.toContain('canary')
  })

  it('says so when the port is taken, or the database is away or audited with another key', async () => {
    const { port } = new URL(url)
    const taken = await run(['serve'], '', { PORT: port, DATABASE_URL: database.url })
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining('Set PORT to another one') as string })
    const away = await run(['serve'], '', { PORT: '0', DATABASE_URL: 'postgres://somebody:canary@127.0.0.1:1/x' })
    expect(away).toEqual({ code: 1, stdout: '', stderr: 'The database at 127.0.0.1:1 does not answer. Start it, or set DATABASE_URL to one that runs, and start again.\n' })
    const otherKey = await run(['serve'], '', { PORT: '0', DATABASE_URL: database.url, PILOTHOUSE_AUDIT_KEY: 'x'.repeat(32) })
    expect(otherKey).toMatchObject({ code: 1, stderr: expect.stringContaining('PILOTHOUSE_AUDIT_KEY') as string })
  })
})

describe('the commands', () => {
  it('watch shows each change as it arrives, with markup of strangers made harmless', async () => {
    const watching = pilothouse(['watch', '--owner', 'me'], env)
    await watching.says(/= 0 entries at/)
    const client = createCatalogClient({ url, token: await readFile(join(dataDir, 'admin-token'), 'utf8') })
    await client.execute(RegisterMcpServerDocument, { input: { owner: { kind: 'USER' }, name: 'seen', definition: { transport: { http: { url: 'https://s.example.com' } } } } })
    await watching.says(/\+ server seen {2}revision 1, user Admin/)
    expect(await watching.stop('SIGINT')).toBe(0)
    const json = pilothouse(['watch', '--json'], env)
    await json.says(/\n/)
    expect(JSON.parse(json.stdout().split('\n')[0]!)).toMatchObject({ __typename: 'CatalogSnapshot', mcpServers: [{ name: 'seen' }] })
    await json.stop()
  })

  it('import says what it would do, does it, and exits with 1 when something is refused', async () => {
    const text = JSON.stringify({ mcpServers: { fine: { type: 'http', url: 'https://f.example.com' }, bad: { command: 'npx', args: ['-y', 'a@1.0.0', '$HOME'], hooks: {} } } })
    const dry = await run(['import', '-', '--dry-run', '--on-conflict', 'skip'], text)
    expect(dry).toMatchObject({ code: 1, stdout: expect.stringMatching(/CREATED +fine[\s\S]*REFUSED +bad[\s\S]*Dry run: nothing was written\. 1 of 2 refused\./) as string })
    // What refuses, what waits and what is passed over stand apart.
    expect(dry.stdout).toMatch(/^ +note +bad\.hooks: .*\n +refused +definition\.transport\.stdio\.args\.2: .*\n +needs approval +definition\.transport\.stdio: /m)
    const done = await run(['import', '-', '--on-conflict', 'skip', '--json'], text)
    expect(JSON.parse(done.stdout)).toMatchObject({ items: [{ name: 'fine', outcome: 'CREATED' }, { name: 'bad', outcome: 'REFUSED' }] })
    expect(await run(['import', '/no/such/file'])).toMatchObject({ code: 2 })
    expect(await run(['import', '-'], 'no json')).toMatchObject({ code: 1, stderr: expect.stringContaining('INVALID_INPUT') as string })
  })

  it('token makes, lists and revokes tokens', async () => {
    const made = await run(['token', 'create', '--name', 'laptop', '--json'])
    const { accessToken, secret } = JSON.parse(made.stdout) as { accessToken: { id: string }; secret: string }
    const asLaptop = { PILOTHOUSE_TOKEN: secret }
    expect((await run(['token', 'list'], '', asLaptop)).stdout).toMatch(new RegExp(`${accessToken.id} +PERSONAL +laptop`))
    expect(await run(['token', 'revoke', accessToken.id])).toMatchObject({ code: 0 })
    expect(await run(['token', 'list'], '', asLaptop)).toMatchObject({ code: 1, stderr: expect.stringContaining('UNAUTHENTICATED') as string })
    expect(await run(['token', 'create', '--name', 'w', '--serves', 'me'])).toMatchObject({ code: 2 })
  })

  it('token create --admin needs the database only', async () => {
    const rescue = await run(['token', 'create', '--admin', '--name', 'rescue'], '', { DATABASE_URL: database.url })
    expect(await run(['token', 'list'], '', { PILOTHOUSE_TOKEN: rescue.stdout.trim() })).toMatchObject({ code: 0 })
  })

  it('F1: database restored begins a new incarnation, and every open subscription gets its whole set anew', async () => {
    const watching = pilothouse(['watch', '--json'], env)
    await watching.says(/"cursor":"[0-9a-f]{8}-/)
    const { code, stdout } = await run(['database', 'restored'], '', { DATABASE_URL: database.url })
    const [, incarnation] = /^Incarnation ([0-9a-f]{8}) begins/.exec(stdout) ?? []
    expect(code).toBe(0)
    await watching.says(new RegExp(`CatalogSnapshot","cursor":"${incarnation}-`))
    await watching.stop()
  })

  it('audit verify reads both chains', async () => {
    const { code, stdout } = await run(['audit', 'verify', '--json'], '', { DATABASE_URL: database.url })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject([{ chain: 'changes', broken: null }, { chain: 'access', broken: null }])
  })

  it.each([
    [['watch', '--owner', 'somebody'], {}, 2, 'names no owner'],
    [['watch'], { PILOTHOUSE_TOKEN: 'pht_wrong' }, 1, 'unknown, expired or revoked'],
    [['watch', '--owner', 'team:none'], {}, 1, 'NOT_FOUND'],
    [['token', 'list'], { PILOTHOUSE_URL: 'http://127.0.0.1:9/graphql' }, 3, 'UNAVAILABLE'],
    [['token', 'list'], { PILOTHOUSE_DATA_DIR: '/nowhere' }, 2, 'PILOTHOUSE_TOKEN'],
    [['nonsense'], {}, 2, 'unknown command'],
    [['import'], {}, 2, 'missing required argument'],
  ])('%j with %j exits with %i and says why', async (args, more, code, message) => {
    const result = await run(args, '', more)
    expect(result.code).toBe(code)
    expect(result.stderr).toContain(message)
    expect(result.stderr).not.toContain('    at ')
  })

  it.each([
    [['examples/hot-load/hot-load.ts']], [['examples/approval/approval.ts', '--untimed']], [['examples/secrets/secrets.ts', '--untimed']],
  ])('%j asserts its own story against the running server', async (args) => {
    const example = start(['node_modules/tsx/dist/cli.mjs', ...args], env)
    expect(await example.ended, example.stdout() + example.stderr()).toBe(0)
    expect(example.stdout()).toContain('All as promised.')
  })
})
