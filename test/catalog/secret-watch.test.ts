import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSecretWatch } from '../../src/catalog/secret-watch.js'
import { AuditEventsDocument, PutSecretDocument, RegisterMcpServerDocument } from '../../src/client/index.js'
import { readConfig } from '../../src/config.js'
import { CatalogError } from '../../src/core/errors.js'
import { leased } from '../support/leasing.js'
import { startTestServer, type TestNode, type TestServer } from '../support/server.js'
import { type Subscriber } from '../support/subscriber.js'

const canary = 'canary-5b20c7'
let dir: string
let env: Map<string, string | null>
let server: TestServer
let second: TestNode
let sql: postgres.Sql
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pilothouse-secrets-'))
  const { secrets } = readConfig({ PILOTHOUSE_SECRET_KEY: 'ab'.repeat(32), PILOTHOUSE_SECRET_ENV: 'UPSTREAM,UNSET,SKEWED', UPSTREAM: `${canary}-env`, PILOTHOUSE_SECRET_DIR: dir })
  env = secrets.env as Map<string, string | null>
  const tuning = { secretLooksMs: 50 }
  server = await startTestServer(tuning, { secrets })
  second = await server.node(tuning)
  sql = postgres(server.databaseUrl, { max: 1, onnotice: () => {} })
})
afterAll(async () => {
  await sql.end()
  await server.close()
  await rm(dir, { recursive: true, force: true })
})

const deployment = { kind: 'DEPLOYMENT' as const }
const put = async (name: string, provider: string, path: string) => (await server.admin.client.execute(PutSecretDocument, { input: { owner: deployment, name, provider, path } })).putSecret.secret
/** As Kubernetes does it: never half a file. */
async function write(name: string, value: string): Promise<void> {
  await writeFile(join(dir, `${name}.new`), value)
  await rename(join(dir, `${name}.new`), join(dir, name))
}
async function entryWith(name: string): Promise<{ id: string; live: Subscriber }> {
  const { registerMcpServer: { mcpServer: { id } } } = await server.admin.client.execute(RegisterMcpServerDocument, {
    input: { owner: deployment, name, definition: { transport: { http: { url: `https://${name}.example.com/`, headers: [{ name: 'X-Key', value: `\${secret:${name}}` }] } } } },
  })
  const live = await server.admin.watch()
  await live.nextSnapshot()
  return { id, live }
}
const rotations = async (id: string) => (await server.admin.client.execute(AuditEventsDocument, { target: id, action: 'secret.rotate' })).auditEvents.nodes
const stored = async (id: string) => (await sql<Array<{ version: number; fingerprint: string | null }>>`select version, fingerprint from secret where id = ${id}`)[0]!

describe('a value that is kept outside', () => {
  it('S26: becomes one new version when it is another one, whichever nodes notice, and whatever else was written', async () => {
    await write('rotated', `${canary}-1\n`)
    const { id: entryId, live } = await entryWith('rotated')
    const { id } = await put('rotated', 'file', 'rotated')
    expect(await live.nextDelta()).toMatchObject({ secretVersions: [{ entryId, version: 2 }] })
    const first = await stored(id)
    expect(first).toMatchObject({ version: 1, fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as string })
    // The same value, written anew, is none.
    await write('rotated', `${canary}-1\n`)
    await write('rotated', `${canary}-2\n`)
    expect(await live.nextDelta()).toMatchObject({ upserted: [], removed: [], secretVersions: [{ entryId, version: 3 }] })
    await rm(join(dir, 'rotated'))
    expect(await live.nextDelta()).toMatchObject({ secretVersions: [{ entryId, version: 4 }] })
    expect(await stored(id)).toEqual({ version: 3, fingerprint: 'none' })
    await write('rotated', `${canary}-1\n`)
    expect(await live.nextDelta()).toMatchObject({ secretVersions: [{ entryId, version: 5 }] })
    expect((await rotations(id)).map(({ actor, before, after }) => [actor.kind, (before as { version: number }).version, after])).toMatchObject([
      ['SYSTEM', 3, { version: 4, isValueThere: true }], ['SYSTEM', 2, { version: 3, isValueThere: false }], ['SYSTEM', 1, { version: 2, isValueThere: true, path: 'rotated' }],
    ])
    expect(JSON.stringify([await sql`select * from secret`, await sql`select * from audit_event`, await sql`select * from change_event`])).not.toContain('canary')
    await live.close()
  })

  it('is looked at when a node starts: variables change only while none runs', async () => {
    const { id: entryId, live } = await entryWith('variable')
    const { id } = await put('variable', 'env', 'UPSTREAM')
    expect(await live.nextDelta()).toMatchObject({ secretVersions: [{ entryId, version: 2 }] })
    env.set('UPSTREAM', `${canary}-changed`)
    await server.node()
    expect(await live.nextDelta()).toMatchObject({ secretVersions: [{ entryId, version: 3 }] })
    const { length } = await rotations(id)
    await (await server.node()).app.close()
    expect([length, (await rotations(id)).length]).toEqual([1, 1])
    await live.close()
  })

  it('may come later than the secret that points to it', async () => {
    const { id: entryId, live } = await entryWith('late')
    const { id } = await put('late', 'file', 'late')
    expect(await live.nextDelta()).toMatchObject({ secretVersions: [{ entryId, version: 2 }] })
    expect(await stored(id)).toEqual({ version: 1, fingerprint: 'none' })
    await write('late', canary)
    expect(await live.nextDelta()).toMatchObject({ secretVersions: [{ entryId, version: 3 }] })
    await live.close()
  })

  it.each<[string, string, string, string]>([
    ['a variable that is not listed', 'env', 'HOME', 'path'],
    ['a setting of the server', 'env', 'DATABASE_URL', 'path'],
    ['a way out of the folder', 'file', '../etc/passwd', 'path'],
    ['an absolute path', 'file', '/etc/passwd', 'path'],
    ['a NUL', 'file', 'a\u0000b', 'path'],
    ['nothing', 'file', '', 'path'],
    ['a provider that is not configured', 'vault', 'pilothouse/a', 'provider'],
  ])('not at %s', async (_, provider, path, field) => {
    const error = await put('refused', provider, path).then(() => null, (refused: unknown) => refused) as Error & { extensions: object }
    expect(error).toMatchObject({ code: 'INVALID_INPUT', extensions: { field, mend: expect.stringMatching(/\.$/) as string } })
    if (path.length > 1) expect(JSON.stringify([error.message, error.extensions])).not.toContain(path)
  })
})

function gate<Value>() {
  let open = (_: Value) => {}
  const promise = new Promise<Value>((resolve) => { open = resolve })
  return { promise, open: (value: Value) => open(value) }
}

/** Looks at one secret on a node, as when its provider tells of it. */
async function settled({ services }: TestServer['app'], name: string): Promise<void> {
  const begun = gate<null>()
  const read: typeof services.secrets.read = (record) => {
    if (record.name === name) begun.open(null)
    return services.secrets.read(record)
  }
  const watch = startSecretWatch({ services: { ...services, secrets: { ...services.secrets, watch: () => {}, onChanged: () => () => {}, read } }, onError: () => {} })
  await begun.promise
  await watch.close()
}

const away = new CatalogError('UNAVAILABLE', 'It cannot be read.')

describe('S26: of two looks the newer value stays', () => {
  it('whoever read the older one, and wrote later, looks again', async () => {
    await write('raced', 'old')
    const { id: entryId, live } = await entryWith('raced')
    const { id } = await put('raced', 'file', 'raced')
    await live.nextDelta()
    const errors: unknown[] = []
    const watch = ({ services }: TestServer['app'], read: () => Promise<string>) => startSecretWatch({
      services: { ...services, secrets: { ...services.secrets, watch: () => {}, onChanged: () => () => {}, read: ({ name }) => (name === 'raced' ? read() : Promise.reject(away)) } },
      onError: (error) => void errors.push(error),
    })
    const older = gate<string>()
    const [begun, again] = [gate<null>(), gate<null>()]
    let looks = 0
    const late = watch(server.app, () => {
      looks += 1
      if (looks > 1) again.open(null)
      else begun.open(null)
      return looks > 1 ? Promise.resolve('new') : older.promise
    })
    await begun.promise
    const quick = watch(second.app, () => Promise.resolve('new'))
    expect(await live.nextDelta()).toMatchObject({ secretVersions: [{ entryId, version: 3 }] })
    const after = await stored(id)
    older.open('older still')
    await again.promise
    await Promise.all([late.close(), quick.close()])
    expect(await stored(id)).toEqual(after)
    expect([errors, await rotations(id)]).toMatchObject([[], [{ after: { version: 2 } }]])
    await live.close()
  })

  it('what a node that was behind has lent is leased anew once it has caught up', async () => {
    const { id: entryId, live } = await entryWith('skewed')
    env.set('SKEWED', 'old')
    const { id } = await put('skewed', 'env', 'SKEWED')
    await live.nextDelta()
    const worker = second.as(await server.worker())
    const lease = async () => {
      const { values, header: { secretVersion } } = await leased(worker, { entryId, revision: 1, owner: deployment })
      return [values['secret:skewed'], secretVersion]
    }
    const { secrets } = second.app.services
    const { read } = secrets
    secrets.read = (record) => (record.name === 'skewed' ? Promise.resolve('old') : read(record))
    env.set('SKEWED', 'new')
    // Others may be told of besides: a look at the start is a look at all.
    const told = async () => {
      for (;;) {
        const mine = (await live.nextDelta()).secretVersions.find((one) => one.entryId === entryId)
        if (mine !== undefined) return mine.version
      }
    }
    await settled(server.app, 'skewed')
    expect(await told()).toBe(3)
    expect(await lease()).toEqual(['old', 3])
    secrets.read = read
    await settled(second.app, 'skewed')
    expect(await told()).toBe(4)
    expect(await lease()).toEqual(['new', 4])
    // What was told to be missing is told to be there.
    secrets.read = (record) => (record.name === 'skewed' ? Promise.reject(new CatalogError('SECRET_NOT_FOUND', 'There is none.')) : read(record))
    await expect(lease()).rejects.toMatchObject({ code: 'SECRET_NOT_FOUND' })
    secrets.read = read
    await settled(second.app, 'skewed')
    expect(await told()).toBe(5)
    // Then it is known, and said once.
    await settled(second.app, 'skewed')
    expect(await stored(id)).toMatchObject({ version: 4 })
    await live.close()
  })

  it('what cannot be read right now is no other value, and is looked at again', async () => {
    const { id: entryId, live } = await entryWith('away')
    await write('away', 'first')
    await put('away', 'file', 'away')
    await live.nextDelta()
    let looks = 0
    const watching = startSecretWatch({
      services: {
        ...server.app.services,
        secrets: { ...server.app.services.secrets, watch: () => {}, onChanged: () => () => {}, read: ({ name }) => (name === 'away' && (looks += 1) > 2 ? Promise.resolve('second') : Promise.reject(away)) },
      },
      onError: () => {}, retryMs: 5,
    })
    expect(await live.nextDelta()).toMatchObject({ secretVersions: [{ entryId, version: 3 }] })
    await watching.close()
    await live.close()
  })
})
