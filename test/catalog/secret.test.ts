import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from 'graphql-ws'
import postgres from 'postgres'
import { WebSocket } from 'ws'
import {
  AuditEventsDocument, CreateTeamDocument, DeleteSecretDocument, DeleteTeamDocument, PutSecretDocument, type PutSecretInput, SecretsDocument, SetTeamMemberDocument,
} from '../../src/client/index.js'
import { readConfig } from '../../src/config.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'
import { captureLog } from '../support/log-lines.js'

const canary = 'canary-7d1f0a93e5'
const token = ['ghp', `${canary.replaceAll(/[^A-Za-z0-9]/g, '')}0aB1cD2eF3gH4iJ5kL6m`].join('_')
let server: TestServer
let log: ReturnType<typeof captureLog>
let alice: Person
let bob: Person
let maintainer: Person
let member: Person
let worker: Person
let sql: postgres.Sql
beforeAll(async () => {
  log = captureLog()
  server = await startTestServer({ logTo: log }, { logLevel: 'debug' })
  ;[alice, bob, maintainer, member] = [await server.user('alice'), await server.user('bob'), await server.user('maintainer'), await server.user('member')]
  worker = await server.worker()
  await server.team('crew', [[maintainer, 'MAINTAINER'], [member, 'MEMBER']])
  sql = postgres(server.databaseUrl, { max: 1, onnotice: () => {} })
})
afterAll(async () => {
  await sql.end()
  await server.close()
})

const me = { kind: 'USER' as const }
const crew = { kind: 'TEAM' as const, id: 'crew' }
const deployment = { kind: 'DEPLOYMENT' as const }
const put = async (who: Person, input: Partial<PutSecretInput>) =>
  (await who.client.execute(PutSecretDocument, { input: { owner: me, name: 'token', ...('path' in input || 'value' in input ? {} : { value: canary }), ...input } })).putSecret
const remove = async (who: Person, name: string, owner: PutSecretInput['owner'] = me) => (await who.client.execute(DeleteSecretDocument, { input: { owner, name } })).deleteSecret
const list = async (who: Person, owner: PutSecretInput['owner'] = me) => (await who.client.execute(SecretsDocument, { owner })).secrets
const refusal = (work: Promise<unknown>) => work.then(() => 'nothing was refused', (error: unknown) => error)
async function everything(): Promise<string> {
  const tables = await sql<Array<{ name: string }>>`select tablename as name from pg_tables where schemaname = 'public'`
  return JSON.stringify(await Promise.all(tables.map(({ name }) => sql`select * from ${sql(name)}`)))
}

describe('putSecret and deleteSecret', () => {
  it('S14: store a value that nothing ever tells again, and say who set it when', async () => {
    const first = await put(alice, { name: 'told', value: canary })
    expect(first.secret).toMatchObject({ name: 'told', provider: 'sealed', version: 1, owner: { id: alice.id }, updatedBy: { id: alice.id } })
    // The same value is a new version, too: nothing tells that two are equal.
    const second = await put(alice, { name: 'told', value: canary })
    expect(second.secret).toMatchObject({ id: first.secret.id, version: 2 })
    expect(second.cursor > first.cursor).toBe(true)
    const gone = await remove(alice, 'told')
    expect(gone.secret).toMatchObject({ id: first.secret.id, version: 3 })
    expect((await list(alice)).map(({ name }) => name)).not.toContain('told')
    expect(await refusal(remove(alice, 'told'))).toMatchObject({ code: 'SECRET_NOT_FOUND', extensions: { field: 'name' } })
    expect((await put(alice, { name: 'told', value: 'another' })).secret).toMatchObject({ id: first.secret.id, version: 4 })
    const { auditEvents } = await server.admin.client.execute(AuditEventsDocument, { target: first.secret.id })
    expect(auditEvents.nodes.map(({ action, before, after }) => [action, (before as { version: number } | null)?.version, (after as { version: number }).version])).toEqual([
      ['secret.put', 3, 4], ['secret.delete', 2, 3], ['secret.put', 1, 2], ['secret.put', undefined, 1],
    ])
    expect(JSON.stringify(auditEvents)).not.toMatch(/canary|hmac|sealed":\{/)
    const rows = await sql`select sealed from secret where id = ${first.secret.id}`
    expect(JSON.stringify(rows)).toContain('dataKey')
    expect(await everything()).not.toContain(canary)
    expect(log.text()).not.toContain(canary)
  })

  it('set only what is new, or only over the version that is expected', async () => {
    const set = (expectedVersion: number | null) => put(alice, { name: 'expected', expectedVersion })
    const conflict = (currentVersion: number, mend: string) => ({ code: 'REVISION_CONFLICT', extensions: { field: 'expectedVersion', currentVersion, mend: expect.stringContaining(mend) as string } })
    expect(await refusal(set(1))).toMatchObject(conflict(0, 'set it again'))
    // One of them was there first.
    const raced = await Promise.allSettled([set(0), set(0)])
    expect(raced.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await refusal(set(0))).toMatchObject(conflict(1, 'Choose another name'))
    expect((await set(1)).secret.version).toBe(2)
    expect(await refusal(set(1))).toMatchObject(conflict(2, 'set it again'))
    expect((await set(null)).secret.version).toBe(3)
    await remove(alice, 'expected')
    expect(await refusal(set(3))).toMatchObject(conflict(0, 'set it again'))
    // It is new again; its version goes on.
    expect((await set(0)).secret.version).toBe(5)
  })

  it('keep nothing of a deleted value', async () => {
    const { secret } = await put(alice, { name: 'forgotten' })
    await remove(alice, 'forgotten')
    expect(await sql`select sealed, fingerprint, version from secret where id = ${secret.id}`).toEqual([{ sealed: null, fingerprint: null, version: 2 }])
    expect((await alice.raw('query ($id: ID!) { node(id: $id) { id } }', { id: secret.id })).data).toEqual({ node: null })
  })

  it('S26: at once by many: each is a version of its own', async () => {
    const versions = (await Promise.all(Array.from({ length: 8 }, () => put(bob, { name: 'hot' })))).map(({ secret }) => secret.version)
    expect(versions.sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('S15: change nothing when the audit cannot be written', async () => {
    await put(alice, { name: 'kept', value: 'first' })
    const before = await sql`select * from secret where name = 'kept'`
    await sql`alter table audit_event add constraint refuse check (action not in ('secret.put', 'secret.delete')) not valid`
    try {
      for (const work of [() => put(alice, { name: 'kept', value: canary }), () => put(alice, { name: 'never' }), () => remove(alice, 'kept')]) expect(await refusal(work())).toMatchObject({ code: 'INTERNAL' })
    } finally {
      await sql`alter table audit_event drop constraint refuse`
    }
    expect(await sql`select * from secret where name = 'kept'`).toEqual(before)
    expect((await list(alice)).map(({ name }) => name)).not.toContain('never')
    expect(log.text()).not.toContain(canary)
  })

  it('need a key to seal with', async () => {
    const keyless = await startTestServer({}, { secrets: readConfig({}).secrets })
    const answer = await keyless.admin.raw('mutation ($input: PutSecretInput!) { putSecret(input: $input) { cursor } }', { input: { owner: me, name: 'n', value: canary } })
    expect(answer.errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE', field: 'provider', mend: expect.stringContaining('PILOTHOUSE_SECRET_KEY') as string } }])
    expect(JSON.stringify(answer)).not.toContain(canary)
    await keyless.close()
  })

  it('a thousand of one owner at most', async () => {
    await sql`insert into secret (id, owner_kind, owner_id, name, provider, version, sealed, updated_at, updated_by)
      select 'sec_' || n, 'USER', ${member.id}, 'n' || n, 'sealed', 1, '{}', now(), '{"kind": "SYSTEM", "id": "system"}' from generate_series(1, 1000) n`
    expect(await refusal(put(member, { name: 'more' }))).toMatchObject({ code: 'QUOTA_EXCEEDED', extensions: { field: 'owner', limit: 1000 } })
    expect((await put(member, { name: 'n1' })).secret).toMatchObject({ version: 2 })
    await remove(member, 'n2').catch(() => {})
    await sql`update secret set deleted_at = now() where name = 'n2'`
    expect((await put(member, { name: 'more' })).secret).toMatchObject({ version: 1 })
    await sql`delete from secret where owner_id = ${member.id}`
  })
})

describe('S21: who may', () => {
  it.each<[string, () => Person, PutSecretInput['owner'] | (() => PutSecretInput['owner']), string, string, string]>([
    ['the person: own', () => alice, me, 'ok', 'ok', 'ok'],
    ['another person', () => bob, () => ({ kind: 'USER', id: alice.id }), 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND'],
    ['nobody: somebody who is not there', () => bob, () => ({ kind: 'USER', id: 'usr_000000000000000000000000' }), 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND'],
    ['an admin: of a person only names', () => server.admin, () => ({ kind: 'USER', id: alice.id }), 'FORBIDDEN', 'FORBIDDEN', 'ok'],
    ['a maintainer: of the team', () => maintainer, crew, 'ok', 'ok', 'ok'],
    ['a member: of the team only names', () => member, crew, 'FORBIDDEN', 'FORBIDDEN', 'ok'],
    ['a stranger: of the team nothing', () => alice, crew, 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND'],
    ['an admin: of the team', () => server.admin, crew, 'ok', 'ok', 'ok'],
    ['an admin: of the deployment', () => server.admin, deployment, 'ok', 'ok', 'ok'],
    ['a maintainer: of the deployment nothing', () => maintainer, deployment, 'FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN'],
    ['a worker: nothing', () => worker, () => ({ kind: 'USER', id: alice.id }), 'FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN'],
  ])('%s', async (_, who, given, putting, deleting, listing) => {
    const owner = typeof given === 'function' ? given() : given
    const codeOf = (work: Promise<unknown>) => work.then(() => 'ok', (error: { code: string }) => error.code)
    if (deleting !== 'ok' && owner.kind === 'TEAM') await put(server.admin, { owner, name: 'access' })
    expect([await codeOf(put(who(), { owner, name: 'access' })), await codeOf(remove(who(), 'access', owner)), await codeOf(list(who(), owner))]).toEqual([putting, deleting, listing])
  })

  it('a secret of others, by its id, is not there', async () => {
    const { secret } = await put(alice, { name: 'by-id' })
    const read = async (who: Person, id: string) => (await who.raw('query ($id: ID!) { node(id: $id) { id ... on Secret { name version usedBy { id } } } }', { id })).data
    expect(await read(alice, secret.id)).toEqual({ node: { id: secret.id, name: 'by-id', version: 1, usedBy: [] } })
    for (const id of [secret.id, 'sec_000000000000000000000000', '', '\u0000', 'x'.repeat(5_000)]) expect(await read(bob, id)).toEqual({ node: null })
    expect(await read(server.admin, secret.id)).toMatchObject({ node: { id: secret.id } })
    const looks = await sql`select target from access_event where action = 'READ_SECRETS' and outcome = 'BREAK_GLASS' and actor->>'id' = ${server.admin.id}`
    expect(looks.map(({ target }) => target as string)).toContain(`USER:${alice.id}`)
  })

  it('S23: a team that is deleted takes its secrets along, and one of that name has none of them', async () => {
    const { createTeam } = await server.admin.client.execute(CreateTeamDocument, { slug: 'short', displayName: 'short' })
    await server.admin.client.execute(SetTeamMemberDocument, { team: 'short', userId: maintainer.id, role: 'MAINTAINER' })
    const { secret } = await put(maintainer, { owner: { kind: 'TEAM', id: 'short' }, name: 'with-it' })
    await server.admin.client.execute(DeleteTeamDocument, { team: 'short' })
    expect(await sql`select sealed, version, deleted_at is not null as gone from secret where id = ${secret.id}`).toEqual([{ sealed: null, version: 2, gone: true }])
    const { auditEvents } = await server.admin.client.execute(AuditEventsDocument, { target: secret.id })
    expect(auditEvents.nodes[0]).toMatchObject({ action: 'secret.delete', before: { version: 1, isDeleted: false }, after: { version: 2, isDeleted: true } })
    expect(await refusal(put(server.admin, { owner: { kind: 'TEAM', id: createTeam.id }, name: 'late' }))).toMatchObject({ code: 'NOT_FOUND' })
    await server.admin.client.execute(CreateTeamDocument, { slug: 'short', displayName: 'short' })
    expect(await list(server.admin, { kind: 'TEAM', id: 'short' })).toEqual([])
  })
})

describe('what can be put', () => {
  it.each<[string, Partial<PutSecretInput>]>([
    ['one byte', { value: 'x' }],
    ['64 KiB', { value: 'x'.repeat(65_536) }],
    ['every kind of character', { value: '\u0000\n\r\t$${secret:x} "\\\u2028\u{1f512}é' }],
    ['a $', { value: 'pa$$word${PATH}' }],
    ['spaces alone', { value: '   ' }],
    ['the longest name', { name: 'N'.repeat(64), value: 'x' }],
    ['a name like a property of objects', { name: 'constructor', value: 'x' }],
    ['the provider that is meant anyway', { provider: 'sealed', value: 'x' }],
    ['null for what is left out', { provider: null, path: null, value: 'x' }],
  ])('%s', async (_, input) => { expect((await put(alice, { name: 'good', ...input })).secret).toMatchObject({ provider: 'sealed' }) })

  it.each<[string, Partial<PutSecretInput>, string, string?]>([
    ['an empty value', { value: '' }, 'value'],
    ['more than 64 KiB', { value: canary.padEnd(65_537, 'x') }, 'value'],
    ['more than 64 KiB of longer characters', { value: canary + '\u{1f512}'.repeat(16_400) }, 'value'],
    ['half a character', { value: `${canary}\ud800` }, 'value'],
    ['neither value nor path', { value: null }, 'value'],
    ['both', { value: canary, path: 'x' }, 'path'],
    ['both, of another provider', { value: canary, provider: 'env', path: 'X' }, 'value'],
    ['another provider without a path', { value: null, provider: 'vault' }, 'path'],
    ['the value as its provider', { value: null, provider: canary, path: 'x' }, 'provider'],
    ['a provider in capitals', { provider: 'SEALED', value: canary }, 'provider'],
    ['a property of objects as its provider', { provider: 'constructor', value: canary }, 'provider'],
    ['no name', { name: '', value: canary }, 'name'],
    ['the value as its name', { name: `${canary}!`, value: canary }, 'name'],
    ['a token as its name', { name: token, value: canary }, 'name'],
    ['a token in its path', { provider: 'vault', path: `pilothouse/${token}`, value: null }, 'path'],
    ['a name that is too long', { name: 'n'.repeat(65), value: canary }, 'name'],
    ['a name with a space', { name: 'a b', value: canary }, 'name'],
    ['a name that ends a line', { name: 'a\n', value: canary }, 'name'],
    ['a name that begins with a dot', { name: '.a', value: canary }, 'name'],
    ['a path as a name', { name: '../a', value: canary }, 'name'],
    ['a NUL in a name', { name: 'a\u0000', value: canary }, 'name'],
    ['a name beyond ASCII', { name: 'tokеn', value: canary }, 'name'],
    ['a reference as a name', { name: '${secret:a}', value: canary }, 'name'],
    ['a provider that only admins may name', { provider: 'env', path: canary, value: null }, 'provider', 'FORBIDDEN'],
  ])('not %s, and nothing of it is repeated', async (_, input, field, code = 'INVALID_INPUT') => {
    const before = (await list(alice)).length
    const error = await refusal(put(alice, { name: 'bad', ...input })) as Error & { extensions: { mend: string } }
    expect(error).toMatchObject({ code, extensions: { field, mend: expect.stringMatching(/\.$/) as string } })
    expect(JSON.stringify([error.message, error.extensions])).not.toContain('canary')
    expect(await list(alice)).toHaveLength(before)
  })

  it('S14: a document that is wrong is refused without the values in it', async () => {
    const field = 'putSecret(input: {owner: {kind: USER}, name: "n", value:'
    const documents: Array<[query: string, variables?: object]> = [
      ...[123456789012, true, [canary], { canary }, null].map((value): [string, object] => [
        'mutation ($input: PutSecretInput!) { putSecret(input: $input) { cursor } }', { input: { owner: { kind: 'USER' }, name: [canary], value, path: { canary }, more: canary } },
      ]),
      ['mutation ($value: Int) { a: putSecret(input: {owner: {kind: USER}, name: "n", value: $value}) { cursor } }', { value: canary }],
      ['mutation ($input: PutSecretInput!) { putSecret(input: $input) { cursor } }', { input: canary }],
      ...[`canaryAsEnum`, `99canary`, `7777777777`, `["${canary}"]`, `{canary: "${canary}"}`, `"${canary}" "${canary}"`, `"${canary}`, `"""${canary}`, `"\\q${canary}"`, `'${canary}'`, `${canary}`].map(
        (value): [string] => [`mutation { ${field} ${value}}) { cursor } }`]),
      [`mutation { ${field} "${canary}"}) { nothing } }`],
      [`mutation { putSecret(input: "${canary}") { cursor } }`],
      [`"${canary}"`],
      ['canary'], ['7777777777'], [`mutation { ${field} "x"}) { cursor } } canary`], [`mutation { ${field} "\\u{canary}"}) { cursor } }`],
      [`mutation { deleteSecret(input: {owner: {kind: "${canary}"}, name: "n"}) { cursor } }`],
    ]
    const told = []
    const socket = createClient({ url: server.webSocketUrl, webSocketImpl: WebSocket, lazy: false, retryAttempts: 0, connectionParams: { authorization: `Bearer ${alice.token}` } })
    const overSocket = (query: string, variables?: object) => new Promise<unknown>((resolve) => {
      socket.subscribe({ query, variables: variables as Record<string, unknown> }, { next: resolve, error: (errors) => resolve({ errors }), complete: () => {} })
    })
    for (const [query, variables] of documents) {
      for (const answer of [await alice.raw(query, variables), await overSocket(query, variables)].map((each) => JSON.stringify(each))) {
        expect(answer).toContain('"errors"')
        if (/canary|777777|123456789012/.test(answer)) told.push([query, answer])
      }
    }
    await socket.dispose()
    expect(told).toEqual([])
    expect(log.text()).not.toMatch(/canary|777777|123456789012/)
  })
})
