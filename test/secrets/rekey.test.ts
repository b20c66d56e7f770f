import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createApp } from '../../src/app.js'
import { prepareDatabase } from '../../src/app/prepare.js'
import { readConfig } from '../../src/config.js'
import { type Database, openDatabase } from '../../src/db/client.js'
import { findSealedAfter } from '../../src/db/sealed-secret.js'
import { secret } from '../../src/db/schema.js'
import { createKeyRing, keyIdOf, openValue, type SealedPlace, sealValue } from '../../src/secrets/envelope.js'
import { type RekeyOptions, rekeySecrets } from '../../src/secrets/rekey.js'
import { pilothouse } from '../support/process.js'
import { createTestDatabase } from '../support/server.js'

const [oldKey, newKey, strangerKey] = [randomBytes(32), randomBytes(32), randomBytes(32)]
const [oldRing, newRing] = [createKeyRing(oldKey), createKeyRing(newKey, [oldKey])]
const placeOf = (number: number): SealedPlace => ({ owner: { kind: 'TEAM', id: 'team_a' }, name: `token-${number}`, version: 1 + number % 3 })
const idOf = (number: number) => `sec_${String(number).padStart(3, '0')}`

let created: Awaited<ReturnType<typeof createTestDatabase>>
let database: Database
beforeAll(async () => {
  created = await createTestDatabase()
  database = openDatabase({ url: created.url, poolSize: 3 })
})
afterAll(async () => {
  await database.close()
  await created.drop()
})
beforeEach(async () => { await database.db.delete(secret) })

async function insert(number: number, sealed: unknown): Promise<void> {
  const { owner, name, version } = placeOf(number)
  await database.db.insert(secret).values({
    id: idOf(number), ownerKind: owner.kind, ownerId: owner.id, name, version, provider: 'sealed', sealed, updatedAt: new Date(), updatedBy: { kind: 'USER', id: 'usr_a' },
  })
}
const insertSealed = async (count: number) => {
  for (let number = 0; number < count; number++) await insert(number, sealValue(oldRing, placeOf(number), `value ${number}`))
}
const rows = () => findSealedAfter(database.db, '', 1_000)
const openAll = async (ring = createKeyRing(newKey)) => (await rows()).map(({ sealed, ...place }) => openValue(ring, place, sealed))
const values = (count: number) => Array.from({ length: count }, (_, number) => ({ kind: 'OPEN', value: `value ${number}` }))
const run = (more: Partial<RekeyOptions> = {}) => rekeySecrets({ db: database.db, keys: newRing, batch: 4, progress: () => {}, isStopped: () => false, ...more })

describe('S14: a new key', () => {
  it('opens everything that the old one did, after batches that tell how far they are', async () => {
    await insertSealed(10)
    const told: string[] = []
    expect(await run({ progress: (seen, total) => void told.push(`${seen}/${total}`) })).toEqual({ rewrapped: 10, lost: [], left: 0 })
    expect(told).toEqual(['4/10', '8/10', '10/10'])
    expect(await openAll()).toEqual(values(10))
    expect(await run()).toEqual({ rewrapped: 0, lost: [], left: 0 })
  })

  it('may take over in steps: a run that was stopped leaves what opens with both, and the next goes on', async () => {
    await insertSealed(10)
    let asked = 0
    expect(await run({ isStopped: () => ++asked > 2 })).toEqual({ rewrapped: 8, lost: [], left: 2 })
    expect(await openAll(newRing)).toEqual(values(10))
    expect(await run()).toEqual({ rewrapped: 2, lost: [], left: 0 })
  })

  it('may take over twice at once', async () => {
    await insertSealed(12)
    const reports = await Promise.all([run(), run({ batch: 5 })])
    expect(reports.reduce((sum, { rewrapped }) => sum + rewrapped, 0)).toBe(12)
    expect(await openAll()).toEqual(values(12))
  })

  it('does not bring back what a server replaced while it was wrapped; what that sealed with the old key is left, and said', async () => {
    await insertSealed(3)
    const later = { ...placeOf(1), version: 9 }
    const { db } = database
    // The server writes between the look and the replacement.
    const select = db.select.bind(db)
    const racing = new Proxy(db, { get: (target, name) => name === 'execute'
      ? async (...given: Parameters<typeof db.execute>) => {
          await db.update(secret).set({ version: later.version, sealed: sealValue(oldRing, later, 'newer') }).where(eq(secret.id, idOf(1)))
          return db.execute(...given)
        }
      : name === 'select' ? select : Reflect.get(target, name) as unknown })
    expect(await run({ db: racing })).toEqual({ rewrapped: 2, lost: [], left: 1 })
    expect((await openAll(newRing))[1]).toEqual({ kind: 'OPEN', value: 'newer' })
    expect(await run()).toEqual({ rewrapped: 1, lost: [], left: 0 })
    expect((await openAll())[1]).toEqual({ kind: 'OPEN', value: 'newer' })
  })

  it('names what no known key opens and what was altered, and leaves both as they are', async () => {
    await insertSealed(5)
    const stranger = sealValue(createKeyRing(strangerKey), placeOf(5), 'canary')
    await insert(5, stranger)
    await insert(6, sealValue(oldRing, placeOf(5), 'of another name'))
    await insert(7, 'no envelope')
    expect(await run()).toEqual({ rewrapped: 5, left: 1, lost: [{ id: idOf(5), keyId: keyIdOf(strangerKey) }, { id: idOf(6), keyId: null }, { id: idOf(7), keyId: null }] })
    expect((await rows())[5]!.sealed).toEqual(stranger)
  })
})

describe('a start', () => {
  let dataDir: string
  beforeAll(async () => { dataDir = await mkdtemp(join(tmpdir(), 'pilothouse-keys-')) })
  afterAll(() => rm(dataDir, { recursive: true, force: true }))

  const start = async (env: Record<string, string> = {}) => {
    const app = await createApp({ ...readConfig(env), databaseUrl: created.url, dataDir, port: 0, logLevel: 'silent' })
    const providers = app.services.secrets.providers()
    const read = (number: number, sealed: unknown) => app.services.secrets.read({ ...placeOf(number), provider: 'sealed', path: null, sealed }).catch((error: { code: string }) => error.code)
    const seal = () => app.services.secrets.seal(placeOf(0), 'value')
    return { providers, read, seal, close: () => app.close() }
  }
  const hex = (key: Buffer) => key.toString('hex')

  it('without a key seals nothing, and says so', async () => {
    const app = await start({ PILOTHOUSE_SECRET_ENV: 'LISTED' })
    expect(app.providers).toEqual(['env'])
    expect(app.seal).toThrow(expect.objectContaining({ code: 'UNAVAILABLE', details: { field: 'provider', mend: expect.stringContaining('PILOTHOUSE_SECRET_KEY') as string } }) as Error)
    await app.close()
  })

  it('S14: with the key missing, or another one, is refused where something is sealed, by the id of the key', async () => {
    await insertSealed(2)
    const refused = { message: `This database holds 2 sealed secrets whose key is not here: ${keyIdOf(oldKey)}.`, mend: expect.stringContaining('PILOTHOUSE_SECRET_KEYS_LOST') as string }
    await expect(start()).rejects.toMatchObject(refused)
    await expect(start({ PILOTHOUSE_SECRET_KEY: hex(newKey) })).rejects.toMatchObject(refused)
  })

  it('with the right key, among others, or with one that is given up, is not', async () => {
    await insertSealed(1)
    const sealed = (await rows())[0]!.sealed
    const settings: Array<Record<string, string>> = [{ PILOTHOUSE_SECRET_KEY: hex(oldKey) }, { PILOTHOUSE_SECRET_KEY: hex(newKey), PILOTHOUSE_SECRET_KEYS_PREVIOUS: `${hex(strangerKey)}, ${oldKey.toString('base64')}` }]
    for (const env of settings) {
      const app = await start(env)
      expect(await app.read(0, sealed)).toBe('value 0')
      await app.close()
    }
    const app = await start({ PILOTHOUSE_SECRET_KEY: hex(newKey), PILOTHOUSE_SECRET_KEYS_LOST: keyIdOf(oldKey) })
    expect(await app.read(0, sealed)).toBe('UNAVAILABLE')
    expect(app.seal()).toMatchObject({ keyId: keyIdOf(newKey) })
    await app.close()
  })

  it('of our own Postgres makes secret.key once, and never beside what another key sealed', async () => {
    const prepare = async (env: Record<string, string> = {}) => (await prepareDatabase({ ...readConfig(env), databaseUrl: null, dataDir }, database.db)).secretKeys
    const path = join(dataDir, 'secret.key')
    await insertSealed(1)
    expect(await prepare()).toEqual([])
    expect(existsSync(path)).toBe(false)
    const [given] = await prepare({ PILOTHOUSE_SECRET_KEYS_LOST: keyIdOf(oldKey) })
    expect(given).toHaveLength(32)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await prepare({ PILOTHOUSE_SECRET_KEYS_PREVIOUS: hex(oldKey) })).toEqual([given, oldKey])
    expect(await prepare({ PILOTHOUSE_SECRET_KEY: hex(newKey) })).toEqual([newKey])
    await writeFile(path, 'canary: no key')
    await expect(prepare()).rejects.toThrow(/^The file secret.key of the data folder holds no key of 32 bytes. Bring it back as it was.$/)
    await rm(path)
  })

  it('on the command line rekey counts and names, and ends with 1 when no key opens something', async () => {
    await insertSealed(3)
    await insert(3, sealValue(createKeyRing(strangerKey), placeOf(3), 'value 3'))
    const child = pilothouse(['secret', 'rekey'], { DATABASE_URL: created.url, PILOTHOUSE_DATA_DIR: dataDir, PILOTHOUSE_SECRET_KEY: hex(newKey), PILOTHOUSE_SECRET_KEYS_PREVIOUS: hex(oldKey) })
    expect(await child.ended).toBe(1)
    expect(child.stderr()).toBe('4 of 4 looked at\n')
    expect(child.stdout()).toBe(`3 brought under the key ${keyIdOf(newKey)}, 0 left under another one, 1 that no known key opens.\nsec_003: sealed with the key ${keyIdOf(strangerKey)}, which is not here\n`)
    expect((await openAll()).slice(0, 3)).toEqual(values(3))
  })
})
