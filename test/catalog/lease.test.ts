import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type LeaseSecretsInput, LeaseSecretsDocument, type McpServerDefinitionInput, SetEntryEnabledDocument, SetPolicyDocument, SetTeamMemberDocument,
  type UpdateMcpServerInput, UpdateMcpServerDocument,
} from '../../src/client/index.js'
import { readConfig } from '../../src/config.js'
import { leaseTtlMs } from '../../src/core/lease.js'
import { deploymentOwner, type OwnerRef } from '../../src/core/owner.js'
import { verifyChain } from '../../src/catalog/audit.js'
import { bindAccount, createRecipient, leased, type Recipient, storeSecret } from '../support/leasing.js'
import { captureLog } from '../support/log-lines.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

const now = new Date('2026-05-01T12:00:00.000Z')
const log = captureLog()
let server: TestServer
let worker: Person
let alice: Person
let bob: Person
let recipient: Recipient
beforeAll(async () => {
  server = await startTestServer({ now: () => now, logTo: log }, { logLevel: 'debug', secrets: { ...readConfig({}).secrets, key: randomBytes(32) } })
  worker = await server.worker()
  ;[alice, bob] = await Promise.all([server.user('alice'), server.user('bob')])
  recipient = await createRecipient()
})
afterAll(() => server.close())

const of = ({ id }: Person) => ({ kind: 'USER' as const, id })
const remote = (headers: Record<string, string>, url = 'https://tickets.example.com/mcp'): McpServerDefinitionInput => (
  { transport: { http: { url, headers: Object.entries(headers).map(([name, value]) => ({ name, value })) } } })
const shared = { owner: { kind: 'DEPLOYMENT' as const }, visibility: 'PUBLIC' as const }
const store = (owner: OwnerRef, name: string, value: string | null) => storeSecret(server.app, owner, name, value)
const ask = (input: Omit<LeaseSecretsInput, 'recipientKey' | 'sessionId'> & Partial<LeaseSecretsInput>, who = worker) => (
  who.client.execute(LeaseSecretsDocument, { input: { sessionId: 's1', recipientKey: recipient.publicKey, ...input } }))
/** As many as one operation may well ask for. */
const twenty = `mutation ($input: LeaseSecretsInput!) { ${Array.from({ length: 20 }, (_, at) => `l${at}: leaseSecrets(input: $input) { id expiresAt values }`).join(' ')} }`
const events = (target: string) => server.app.services.db.execute<{ outcome: string; after: Record<string, unknown> }>(
  `select outcome, after from access_event where action = 'secret.lease' and target = '${target}' order by sequence`)

describe('S11: values of whoever a reference means', () => {
  let entry: { id: string; revision: number }
  beforeAll(async () => {
    await store(deploymentOwner, 'shared', 'of-everybody')
    await store(of(alice), 'token', 'of-alice $HOME ${secret:shared}')
    await store(of(bob), 'token', 'of-bob')
    // Not to be mistaken for the person's.
    await store(deploymentOwner, 'token', 'of-the-deployment')
    entry = await server.register(server.admin, 'tickets', { ...shared, definition: remote({ 'Authorization': 'Bearer ${user:token}', 'X-Key': '${secret:shared}', 'X-Again': '${secret:shared}' }) })
    for (const person of [alice, bob]) await bindAccount(server.app, person, entry.id, 'token', 'header:Authorization')
  })

  it.each(['P-256', 'X25519'] as const)('each session gets its own person\'s, for the worker\'s own %s key alone', async (curve) => {
    const key = await createRecipient(curve)
    const { leaseSecrets } = await ask({ entryId: entry.id, revision: 1, owner: { kind: 'USER', provider: 'test', subject: 'alice' }, sessionId: 's-alice', recipientKey: key.publicKey })
    expect(leaseSecrets).toMatchObject({ id: expect.stringMatching(/^lse_[0-9a-f]{24}$/) as string, expiresAt: new Date(now.getTime() + leaseTtlMs).toISOString() })
    const { header, values } = await key.open(leaseSecrets.values)
    expect(values).toEqual({ 'user:token': 'of-alice $HOME ${secret:shared}', 'secret:shared': 'of-everybody' })
    expect(header).toEqual({
      alg: 'ECDH-ES', enc: 'A256GCM', epk: expect.anything() as object, typ: 'pilothouse-lease', leaseId: leaseSecrets.id, entryId: entry.id, revision: 1,
      owner: of(alice), sessionId: 's-alice', secretVersion: expect.any(Number) as number, expiresAt: leaseSecrets.expiresAt,
    })
    await expect(recipient.open(leaseSecrets.values)).rejects.toThrow()
    expect((await leased(worker, { entryId: entry.id, revision: 1, owner: of(bob) })).values['user:token']).toBe('of-bob')
  })

  it('the answer tells next to nothing of how long the values are', async () => {
    const before = await leased(worker, { entryId: entry.id, revision: 1, owner: of(bob) })
    await store(of(bob), 'token', 'of-bob, who has a longer one now')
    const after = await leased(worker, { entryId: entry.id, revision: 1, owner: of(bob) })
    expect([after.bytes, after.values['user:token']]).toEqual([before.bytes, 'of-bob, who has a longer one now'])
    await store(of(bob), 'token', 'of-bob')
  })

  it('who has none is told to connect, and never gets what is somebody else\'s', async () => {
    const carol = await server.user('carol')
    const references = [{ scope: 'USER', name: 'token', injectionPoint: 'header:Authorization' }]
    const refused = { extensions: { field: 'header:Authorization', references, mend: expect.stringContaining('connect their account') as string } }
    for (const owner of [of(carol), { kind: 'USER' as const, provider: 'test', subject: 'unknown yet' }]) await expect(ask({ entryId: entry.id, revision: 1, owner })).rejects.toMatchObject({ code: 'SECRET_UNBOUND', ...refused })
    await bindAccount(server.app, carol, entry.id, 'token', 'header:Authorization')
    await expect(ask({ entryId: entry.id, revision: 1, owner: of(carol) })).rejects.toMatchObject({ code: 'SECRET_NOT_FOUND', ...refused })
    await expect(ask({ entryId: entry.id, revision: 1, owner: deploymentOwner })).rejects.toMatchObject({ code: 'SECRET_NOT_FOUND', message: expect.stringContaining('no person') as string })
  })

  it('an entry without references, or an agent, has an empty lease', async () => {
    const { id } = await server.register(alice, 'plain')
    expect(await leased(worker, { entryId: id, revision: 1, owner: of(alice) })).toMatchObject({ values: {}, header: { secretVersion: 0 } })
  })

  it('S15: is recorded before it is answered, and not answered when it cannot be', async () => {
    const { db } = server.app.services
    const before = (await events(entry.id)).length
    const { leaseSecrets: { id } } = await ask({ entryId: entry.id, revision: 1, owner: of(alice), sessionId: 'recorded' })
    expect((await events(entry.id)).slice(before)).toEqual([{
      outcome: 'OK', after: {
        leaseId: id, owner: `USER:${alice.id}`, revision: 1, sessionId: 'recorded', secretVersion: expect.any(Number) as number,
        references: ['user:token header:Authorization', 'secret:shared header:X-Again', 'secret:shared header:X-Key'],
      },
    }])
    await db.execute('alter table access_event rename to access_event_away')
    const { data, errors } = await worker.raw('mutation ($input: LeaseSecretsInput!) { leaseSecrets(input: $input) { values } }', {
      input: { entryId: entry.id, revision: 1, owner: of(alice), sessionId: 's1', recipientKey: recipient.publicKey },
    }).finally(() => db.execute('alter table access_event_away rename to access_event'))
    expect([data ?? null, errors!.map(({ extensions }) => extensions.code)]).toEqual([null, ['UNAVAILABLE']])
  })
})

describe('is refused', () => {
  let team: string
  const ids: Record<string, string> = {}
  beforeAll(async () => {
    team = await server.team('crew', [[alice, 'MAINTAINER']])
    await store(of(alice), 'mine', 'canary-mine')
    await store(of(alice), 'gone', 'canary-gone')
    const one = async (name: string, value: string, more: object = {}) => { ids[name] = (await server.register(alice, name, { definition: remote({ Authorization: value }), ...more })).id }
    await one('private', '${secret:mine}')
    await one('off', '${secret:mine}', { enabled: false })
    await one('missing', '${secret:nowhere} ${secret:nowhere2}')
    await one('deleted', '${secret:gone}')
    await one('many', '${secret:mine}'.repeat(101))
    await one('of-team', '${user:mine}', { owner: { kind: 'TEAM', id: 'crew' } })
    await store(of(alice), 'gone', null)
  })

  const long = 'x'.repeat(5_000)
  it.each<[string, string, Partial<LeaseSecretsInput> & { entry?: string; serves?: 'ALICE' | 'TEAM' }]>([
    ['FORBIDDEN', 'owner', { serves: 'TEAM' }], ['FORBIDDEN', 'owner', { serves: 'TEAM', owner: { kind: 'USER', id: 'usr_000000000000000000000000' } }],
    ['FORBIDDEN', 'owner', { serves: 'ALICE', owner: { kind: 'USER', provider: 'test', subject: 'nobody' } }], ['FORBIDDEN', 'owner', { serves: 'ALICE', owner: deploymentOwner }],
    ['FORBIDDEN', 'owner', { owner: { kind: 'USER' } }], ['FORBIDDEN', 'owner', { owner: { kind: 'TEAM', id: 'none' } }], ['FORBIDDEN', 'owner', { owner: { kind: 'TEAM', id: 'crew', provider: 'test' } }],
    // Refused for the owner before anything is said of the entry.
    ['FORBIDDEN', 'owner', { serves: 'TEAM', entry: 'none' }],
    ['NOT_FOUND', 'entryId', { entry: 'none' }], ['NOT_FOUND', 'entryId', { entry: '' }], ['NOT_FOUND', 'entryId', { entry: 'a\0b' }], ['NOT_FOUND', 'entryId', { entry: long }],
    ['NOT_FOUND', 'entryId', { entry: 'off' }], ['NOT_FOUND', 'entryId', { owner: { kind: 'TEAM', id: 'crew' } }],
    ['REVISION_CONFLICT', 'revision', { revision: 2 }], ['REVISION_CONFLICT', 'revision', { revision: -1 }],
    ['SECRET_NOT_FOUND', 'header:Authorization', { entry: 'missing' }], ['SECRET_NOT_FOUND', 'header:Authorization', { entry: 'deleted' }],
    ['SECRET_NOT_FOUND', 'header:Authorization', { entry: 'of-team', owner: { kind: 'TEAM', id: 'crew' } }], ['SECRET_UNBOUND', 'header:Authorization', { entry: 'of-team' }],
    ['LIMIT_EXCEEDED', 'entryId', { entry: 'many' }],
    ['INVALID_INPUT', 'sessionId', { sessionId: '' }], ['INVALID_INPUT', 'sessionId', { sessionId: 's'.repeat(201) }], ['INVALID_INPUT', 'sessionId', { sessionId: 'a\nb' }],
    ['INVALID_INPUT', 'recipientKey', { recipientKey: null }],
  ])('%s, by its %s: %#', async (code, field, { entry = 'private', serves, ...more }) => {
    const who = serves === undefined ? worker : await server.worker([serves === 'ALICE' ? of(alice) : { kind: 'TEAM', id: team }])
    const target = ids[entry] ?? entry
    const refused = ask({ entryId: target, revision: 1, owner: of(alice), ...more }, who)
    if ('recipientKey' in more) return expect(refused).rejects.toMatchObject({ code, extensions: { field: 'input.recipientKey' } })
    await expect(refused).rejects.toMatchObject({ code, extensions: { field, mend: expect.any(String) as string, ...(code === 'REVISION_CONFLICT' && { currentRevision: 1 }) } })
    // As the access chain writes what comes from outside.
    if (code !== 'INVALID_INPUT') expect((await events(target.replace('\0', '?').slice(0, 100))).at(-1)).toMatchObject({ outcome: 'DENIED', after: { code, sessionId: 's1' } })
  })

  it('what does not exist in the words of what is not served', async () => {
    const narrow = await server.worker([of(bob)])
    const answers = await Promise.all([of(alice), { kind: 'USER' as const, id: 'usr_000000000000000000000000' }, { kind: 'TEAM' as const, id: 'crew' }, { kind: 'TEAM' as const, id: 'none' }]
      .map((owner) => ask({ entryId: ids.private!, revision: 1, owner }, narrow).catch((error: { message: string; extensions: object }) => [error.message, error.extensions])))
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
  })

  it('a person, with any rights', async () => {
    for (const who of [alice, server.admin]) await expect(ask({ entryId: ids.private!, revision: 1, owner: of(alice) }, who)).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  it('with all references that lack something, and no others', async () => {
    await expect(ask({ entryId: ids.missing!, revision: 1, owner: of(alice) })).rejects.toMatchObject({
      message: expect.stringContaining('secret:nowhere header:Authorization, secret:nowhere2 header:Authorization') as string,
      extensions: { references: [{ scope: 'OWNER', name: 'nowhere', injectionPoint: 'header:Authorization' }, { scope: 'OWNER', name: 'nowhere2', injectionPoint: 'header:Authorization' }] },
    })
  })

  it.each<[string, object]>([
    // Points of small order: whoever sends one would know what both sides agree on.
    ['zero', { kty: 'OKP', crv: 'X25519', x: Buffer.alloc(32).toString('base64url') }],
    ['one', { kty: 'OKP', crv: 'X25519', x: Buffer.from('01'.padEnd(64, '0'), 'hex').toString('base64url') }],
    ['minus one', { kty: 'OKP', crv: 'X25519', x: Buffer.from(`ec${'ff'.repeat(30)}7f`, 'hex').toString('base64url') }],
    ['of order eight', { kty: 'OKP', crv: 'X25519', x: Buffer.from('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', 'hex').toString('base64url') }],
    ['of order eight, the other', { kty: 'OKP', crv: 'X25519', x: Buffer.from('5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157', 'hex').toString('base64url') }],
    ['off the curve', { kty: 'EC', crv: 'P-256', x: Buffer.alloc(32, 1).toString('base64url'), y: Buffer.alloc(32, 1).toString('base64url') }],
    ['at infinity', { kty: 'EC', crv: 'P-256', x: Buffer.alloc(32).toString('base64url'), y: Buffer.alloc(32).toString('base64url') }],
    ['over the prime', { kty: 'EC', crv: 'P-256', x: Buffer.alloc(32, 255).toString('base64url'), y: Buffer.alloc(32, 255).toString('base64url') }],
    ['no key', { some: 'thing' }],
  ])('a key whose numbers are no good: %s', async (_, recipientKey) => {
    await expect(ask({ entryId: ids.private!, revision: 1, owner: of(alice), recipientKey })).rejects.toMatchObject({ code: 'INVALID_INPUT', extensions: { field: 'recipientKey' } })
  })

  it('S14: no value in rows, lines or answers, and the access chain holds', async () => {
    await ask({ entryId: ids.private!, revision: 1, owner: of(alice) })
    const { db, auditKey } = server.app.services
    const rows = await db.execute('select a.*, b.* from access_event a full join audit_event b on false')
    for (const text of [JSON.stringify(rows), log.text()]) expect(text).not.toMatch(/canary|of-alice|of-bob|of-everybody/)
    expect(await verifyChain(db, auditKey, 'access')).toMatchObject({ broken: null })
  })
})

describe('S26: nothing older than what is known', () => {
  let entry: { id: string; revision: number }
  let person: Person
  const value = async () => (await leased(worker, { entryId: entry.id, revision: 1, owner: of(person) })).values['user:token']
  beforeAll(async () => {
    person = await server.user('rotating')
    await store(of(person), 'token', 'rotated 1')
    entry = await server.register(server.admin, 'rotating', { ...shared, definition: remote({ Authorization: '${user:token}', Other: '${user:token}' }) })
    for (const point of ['header:Authorization', 'header:Other']) await bindAccount(server.app, person, entry.id, 'token', point)
  })

  /** From now on every value is held back once it was read; `done` ends that. */
  function holdValues() {
    const { services } = server.app
    const { secrets } = services
    const held: Array<() => void> = []
    const waiting: Array<(release: () => void) => void> = []
    services.secrets = {
      ...secrets,
      read: async (record) => {
        const text = await secrets.read(record)
        await new Promise<void>((release) => {
          const next = waiting.shift()
          if (next === undefined) held.push(release)
          else next(release)
        })
        return text
      },
    }
    return {
      /** Resolves with what lets the next value go; or, with nothing to let go, once the lease has ended without another one. */
      next: (lease: Promise<unknown>) => {
        const next = new Promise<() => void>((resolve) => {
          const first = held.shift()
          if (first === undefined) waiting.push(resolve)
          else resolve(first)
        })
        const ended = () => () => {}
        return Promise.race([next, lease.then(ended, ended)])
      },
      done: () => {
        services.secrets = secrets
        held.forEach((release) => release())
      },
    }
  }

  it('a lease that was overtaken by a rotation has the new value, in every order of two', async () => {
    const values = holdValues()
    try {
      const first = value()
      const letFirst = await values.next(first)
      await store(of(person), 'token', 'rotated 2')
      const second = value()
      const letSecond = await values.next(second)
      letFirst()
      // The first has found out, and reads again.
      const letAgain = await values.next(first)
      await store(of(person), 'token', 'rotated 3')
      letSecond()
      const letSecondAgain = await values.next(second)
      letSecondAgain()
      expect(await second).toBe('rotated 3')
      letAgain()
      ;(await values.next(first))()
      expect(await first).toBe('rotated 3')
    } finally {
      values.done()
    }
  })

  it('what ended while a value was read has ended', async () => {
    for (const [end, code] of [
      [() => store(of(person), 'token', null), 'SECRET_NOT_FOUND'],
      [() => server.admin.client.execute(SetEntryEnabledDocument, { input: { id: entry.id, expectedRevision: 1, enabled: false } }), 'NOT_FOUND'],
    ] as const) {
      await store(of(person), 'token', 'rotated 4')
      const values = holdValues()
      try {
        const refused = expect(value()).rejects.toMatchObject({ code })
        const letGo = await values.next(refused)
        await end()
        letGo()
        await refused
      } finally {
        values.done()
      }
    }
    await server.admin.client.execute(SetEntryEnabledDocument, { input: { id: entry.id, expectedRevision: 2, enabled: true } })
    entry.revision = 3
  })

  it('on any node: what another one committed counts, and the version is the feed\'s', async () => {
    await store(of(person), 'token', 'rotated 5')
    const node = await server.node({ listens: false, pollMs: 3_600_000, logTo: log })
    const [far, live] = [node.as(worker), await worker.watch(of(person))]
    const versions = new Map((await live.nextSnapshot()).secretVersions.map(({ entryId, version }) => [entryId, version]))
    const question = { entryId: entry.id, revision: entry.revision, owner: of(person) }
    for (const [at, next] of ['rotated 6', 'rotated 7', 'rotated 8'].entries()) {
      await storeSecret(at === 1 ? node.app : server.app, of(person), 'token', next)
      const { values, header } = await leased(at === 2 ? worker : far, question)
      const told = (await live.nextDelta()).secretVersions.find(({ entryId }) => entryId === entry.id)
      expect([values['user:token'], header.secretVersion, told]).toEqual([next, told!.version, { entryId: entry.id, version: versions.get(entry.id)! + 2 * (at + 1) }])
    }
  })

  it('while it is rotated on two nodes at once: one value for one version, and never one from before the call', async () => {
    const node = await server.node({ logTo: log })
    const question = { entryId: entry.id, revision: entry.revision, owner: of(person) }
    const byVersion = new Map<number, string>()
    let committed = 0
    const rotate = async () => {
      for (let number = 1; number <= 15; number++) {
        await storeSecret(number % 2 === 0 ? node.app : server.app, of(person), 'token', `round ${String(number).padStart(2, '0')}`)
        committed = number
      }
    }
    const lease = async (who: Person) => {
      while (committed < 15) {
        const known = committed
        const { values, header } = await leased(who, question)
        const text = values['user:token']!
        expect(byVersion.get(header.secretVersion) ?? text).toBe(text)
        byVersion.set(header.secretVersion, text)
        if (known > 0) expect(Number(text.slice(6))).toBeGreaterThanOrEqual(known)
      }
    }
    await Promise.all([rotate(), lease(worker), lease(node.as(worker)), lease(worker)])
    const inOrder = [...byVersion].sort(([a], [b]) => a - b).map(([, text]) => text).filter((text) => text.startsWith('round'))
    expect(inOrder).toEqual([...inOrder].sort())
    expect(inOrder.length).toBeGreaterThan(1)
  })

  it('a thousand at once, of one token, under the usual limits', async () => {
    const input = { entryId: entry.id, revision: entry.revision, owner: of(person), sessionId: 's1', recipientKey: recipient.publicKey }
    const answers = await Promise.all(Array.from({ length: 50 }, () => worker.raw(twenty, { input })))
    expect(answers.flatMap(({ errors }) => errors ?? [])).toEqual([])
    const leases = answers.flatMap(({ data }) => Object.values(data!) as Array<{ id: string; values: string }>)
    expect(new Set(leases.map(({ id }) => id)).size).toBe(1_000)
    expect((await recipient.open(leases.at(-1)!.values)).values).toEqual({ 'user:token': 'round 15' })
  })
})

describe('S24: a value goes nowhere but where somebody confirmed', () => {
  const definition = remote({ 'Authorization': 'Bearer ${secret:mine}', 'X-Mode': 'json' })
  const stdio = { command: '/opt/tool', args: ['serve'], cwd: '/srv', env: [{ name: 'TOKEN', value: '${secret:mine}' }, { name: 'MODE', value: 'a' }] }
  const local = (more: object): McpServerDefinitionInput => ({ transport: { stdio: { ...stdio, ...more } } })
  beforeAll(async () => {
    const document = { transports: { stdio: 'allow', sse: 'allow' }, stdio: { directories: ['/opt', '/srv', '/tmp'] } }
    await server.admin.client.execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: 0, document } })
  })

  it.each<[string, McpServerDefinitionInput, Partial<UpdateMcpServerInput>, 'UNBOUND' | 'BOUND']>([
    ['host', definition, { definition: remote({ Authorization: 'Bearer ${secret:mine}' }, 'https://evil.example.com/mcp') }, 'UNBOUND'],
    ['path', definition, { definition: remote({ Authorization: 'Bearer ${secret:mine}' }, 'https://tickets.example.com/other') }, 'UNBOUND'],
    ['query', definition, { definition: remote({ Authorization: 'Bearer ${secret:mine}' }, 'https://tickets.example.com/mcp?to=evil') }, 'UNBOUND'],
    ['transport', definition, { definition: { transport: { sse: { url: 'https://tickets.example.com/mcp', headers: [{ name: 'Authorization', value: 'Bearer ${secret:mine}' }] } } } }, 'UNBOUND'],
    ['header name', definition, { definition: remote({ 'X-Echo': 'Bearer ${secret:mine}' }) }, 'UNBOUND'],
    ['one more point', definition, { definition: remote({ 'Authorization': 'Bearer ${secret:mine}', 'X-Echo': '${secret:mine}' }) }, 'UNBOUND'],
    ['another secret there', definition, { definition: remote({ Authorization: 'Bearer ${secret:gone}' }) }, 'UNBOUND'],
    ['description', definition, { definition: { ...definition, description: 'new' } }, 'BOUND'],
    ['tools', definition, { definition: { ...definition, tools: { include: ['a*'] } } }, 'BOUND'],
    ['timeout', definition, { definition: { ...definition, timeoutMs: 5_000 } }, 'BOUND'],
    ['visibility', definition, { visibility: 'SHARED', audience: [{ kind: 'TEAM', id: 'crew' }] }, 'BOUND'],
    ['name', definition, { name: 'renamed' }, 'BOUND'],
    ['a header without references', definition, { definition: remote({ 'Authorization': 'Bearer ${secret:mine}', 'X-Mode': 'text' }) }, 'BOUND'],
    ['command', local({}), { definition: local({ command: '/opt/other' }) }, 'UNBOUND'],
    ['arguments', local({}), { definition: local({ args: ['serve', '--dump-environment'] }) }, 'UNBOUND'],
    ['folder', local({}), { definition: local({ cwd: '/tmp' }) }, 'UNBOUND'],
    ['variable', local({}), { definition: local({ env: [{ name: 'OTHER', value: '${secret:mine}' }] }) }, 'UNBOUND'],
    ['a variable without references', local({}), { definition: local({ env: [stdio.env[0], { name: 'MODE', value: 'b' }] }) }, 'UNBOUND'],
  ])('an edit of its %s', async (what, before, change, expected) => {
    const dave = await server.user(`dave ${what}`)
    await server.admin.client.execute(SetTeamMemberDocument, { team: 'crew', userId: dave.id, role: 'MAINTAINER' })
    await store(of(dave), 'mine', 'of-dave')
    const { id } = await server.register(dave, 'edited', { definition: before })
    expect((await leased(worker, { entryId: id, revision: 1, owner: of(dave) })).values).toEqual({ 'secret:mine': 'of-dave' })
    const { updateMcpServer: { mcpServer } } = await dave.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, ...change } })
    await expect(ask({ entryId: id, revision: 1, owner: of(dave) })).rejects.toMatchObject({ code: 'REVISION_CONFLICT', extensions: { currentRevision: 2 } })
    const again = leased(worker, { entryId: id, revision: mcpServer.revision, owner: of(dave) })
    if (expected === 'BOUND') expect((await again).values).toEqual({ 'secret:mine': 'of-dave' })
    else await expect(again).rejects.toMatchObject({ code: 'SECRET_UNBOUND', extensions: { references: expect.anything() as object } })
    if (what !== 'host') return
    // Back again: what was confirmed once is not confirmed now.
    await dave.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 2, definition } })
    await expect(ask({ entryId: id, revision: 3, owner: of(dave) })).rejects.toMatchObject({ code: 'SECRET_UNBOUND' })
  })

  it('takes part in what is bound for a person alone when the place changes', async () => {
    const { id } = await server.register(server.admin, 'moving', { ...shared, definition: remote({ Authorization: '${user:mine}' }) })
    await bindAccount(server.app, alice, id, 'mine', 'header:Authorization')
    expect((await leased(worker, { entryId: id, revision: 1, owner: of(alice) })).values).toEqual({ 'user:mine': 'canary-mine' })
    await server.admin.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, definition: remote({ Authorization: '${user:mine}' }, 'https://evil.example.com/mcp') } })
    await expect(ask({ entryId: id, revision: 2, owner: of(alice) })).rejects.toMatchObject({ code: 'SECRET_UNBOUND', extensions: { field: 'header:Authorization' } })
    await server.admin.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 2, enabled: false } })
    await expect(ask({ entryId: id, revision: 3, owner: of(alice) })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
