import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ClaimMapping, mapClaims } from '../../src/core/claims.js'

const mapping: ClaimMapping = {
  provider: 'oidc', subjectClaim: 'sub', nameClaim: 'name', admin: { claim: 'roles', value: 'admin' }, teams: { claim: 'groups', byValue: null },
}
const byValue = new Map([
  ['g1', { slug: 'red', role: 'MEMBER' as const }], ['g2', { slug: 'red', role: 'MAINTAINER' as const }], ['/a/b', { slug: 'blue', role: 'MEMBER' as const }],
  ['__proto__', { slug: 'proto', role: 'MEMBER' as const }],
])
const map = (claims: Record<string, unknown>, change: Partial<ClaimMapping> = {}) => mapClaims(claims, { ...mapping, ...change })
const parsed = (json: string) => JSON.parse(json) as Record<string, unknown>

describe('the subject', () => {
  it.each<[string, Record<string, unknown>, Partial<ClaimMapping>, string]>([
    ['is a claim', { sub: 'ada' }, {}, 'ada'],
    ['keeps its case, spaces and letters of any kind', { sub: ' Ada Ł 🦊 ' }, {}, ' Ada Ł 🦊 '],
    ['may be another claim', { sub: 'x', oid: 'y' }, { subjectClaim: 'oid' }, 'y'],
    ['may be nested', { sub: 'x', person: { id: { value: 'z' } } }, { subjectClaim: 'person.id.value' }, 'z'],
    ['an exact name wins over a path', { 'https://x.test/id': 'exact', 'https://x': { 'test/id': 'nested' } }, { subjectClaim: 'https://x.test/id' }, 'exact'],
    ['... and is no path into what has dots', { 'a.b': 'exact', a: { b: 'nested' } }, { subjectClaim: 'a.b' }, 'exact'],
    ['has at most 200 characters', { sub: 'x'.repeat(200) }, {}, 'x'.repeat(200)],
    ['may be called like what every object has', parsed('{"sub": "__proto__"}'), {}, '__proto__'],
  ])('%s', (_, claims, change, subject) => { expect(map(claims, change)).toMatchObject({ provider: 'oidc', subject }) })

  it.each<[string, Record<string, unknown>, Partial<ClaimMapping>]>([
    ['missing', {}, {}], ['empty', { sub: '' }, {}], ['a number', { sub: 7 }, {}], ['null', { sub: null }, {}], ['true', { sub: true }, {}],
    ['a list', { sub: ['ada'] }, {}], ['a map', { sub: { toString: 'ada' } }, {}], ['too long', { sub: 'x'.repeat(201) }, {}],
    ['a control character', { sub: 'a\nb' }, {}], ['a NUL', { sub: 'a\0' }, {}], ['a line separator', { sub: 'a\u2028b' }, {}], ['half a character', { sub: 'a\ud800' }, {}],
    ['inherited', {}, { subjectClaim: 'constructor.name' }], ['inherited, as a function', {}, { subjectClaim: 'toString' }],
    ['the prototype', {}, { subjectClaim: '__proto__.constructor.name' }], ['a letter of a text', { a: 'text' }, { subjectClaim: 'a.0' }],
    ['the length of a list', { a: ['x'] }, { subjectClaim: 'a.length' }], ['an item of a list', { a: ['x'] }, { subjectClaim: 'a.0' }],
  ])('%s is none, and the token nobody\'s', (_, claims, change) => { expect(map({ ...claims }, change)).toBeNull() })
})

describe('the name', () => {
  it.each<[unknown, string | null]>([
    ['Ada', 'Ada'], ['  Ada  Lovelace ', 'Ada  Lovelace'], ['Ada\r\nBcc: x', 'Ada Bcc: x'], ['\u0000\u001b', null], ['', null], ['a\ud800b', 'a\ufffdb'],
    ['x'.repeat(5_000), 'x'.repeat(200)], [`${'x'.repeat(199)}🦊`, 'x'.repeat(199)], [undefined, null], [7, null], [['Ada'], null], [{ en: 'Ada' }, null],
  ])('%j is shown as %j', (name, displayName) => { expect(map({ sub: 's', name })).toMatchObject({ displayName }) })
})

describe('the role', () => {
  it.each<[unknown, string]>([
    ['admin', 'ADMIN'], [['user', 'admin'], 'ADMIN'], ['Admin', 'USER'], ['non-admin', 'USER'], ['admin user', 'USER'], [['admins'], 'USER'], [[['admin']], 'USER'],
    [{ admin: true }, 'USER'], [true, 'USER'], [undefined, 'USER'], [null, 'USER'], [[], 'USER'], [[...Array<string>(1_000).fill('x'), 'admin'], 'USER'],
  ])('of %j', (roles, role) => { expect(map({ sub: 's', roles })).toMatchObject({ role }) })

  it('may be nested, and is the catalog\'s where nothing is mapped', () => {
    expect(map({ sub: 's', realm_access: { roles: ['admin'] } }, { admin: { claim: 'realm_access.roles', value: 'admin' } })?.role).toBe('ADMIN')
    expect(map({ sub: 's', roles: ['admin'] }, { admin: null })?.role).toBeNull()
  })
})

describe('the teams', () => {
  it.each<[unknown, Array<[string, string]>]>([
    [['red', 'blue'], [['red', 'MEMBER'], ['blue', 'MEMBER']]], ['red', [['red', 'MEMBER']]], [['red', 7, null, ['blue'], { blue: 1 }], [['red', 'MEMBER']]],
    [undefined, []], [null, []], [{ red: true }, []], ['red:MAINTAINER', [['red:MAINTAINER', 'MEMBER']]],
  ])('of %j by slug', (groups, teams) => { expect([...map({ sub: 's', groups })!.teams!]).toEqual(teams) })

  it.each<[unknown, Array<[string, string]>]>([
    [['g1'], [['red', 'MEMBER']]], [['g1', 'g2'], [['red', 'MAINTAINER']]], [['g2', 'g1'], [['red', 'MAINTAINER']]], [['/a/b', 'red', 'G1'], [['blue', 'MEMBER']]],
    [['__proto__'], [['proto', 'MEMBER']]], [['constructor', 'toString', 'hasOwnProperty'], []],
  ])('of %j by the map', (groups, teams) => { expect([...map({ sub: 's', groups }, { teams: { claim: 'groups', byValue } })!.teams!]).toEqual(teams) })

  it('are the catalog\'s where nothing is mapped', () => { expect(map({ sub: 's', groups: ['red'] }, { teams: null })?.teams).toBeNull() })

  it('are not more than a thousand, however many are named', () => {
    expect(map({ sub: 's', groups: Array.from({ length: 200_000 }, (_, at) => `t${at}`) })?.teams?.size).toBe(1_000)
  })
})

describe('the moment', () => {
  it.each<[unknown, string | null]>([
    [1_700_000_000, '2023-11-14T22:13:20.000Z'], [1_700_000_000.5, '2023-11-14T22:13:20.500Z'], [undefined, null], ['1700000000', null], [1e300, null], [NaN, null],
  ])('of %j', (iat, issuedAt) => { expect(map({ sub: 's', iat })).toMatchObject({ issuedAt }) })
})

it('whatever a token says, the answer is what the catalog can hold', () => {
  const json = fc.jsonValue() as fc.Arbitrary<unknown>
  fc.assert(fc.property(fc.record({ sub: json, name: json, roles: json, groups: json, iat: json }, { requiredKeys: [] }), (claims) => {
    const identity = map(claims)
    if (identity === null) return
    expect(identity.subject).toBe((claims as { sub: unknown }).sub)
    for (const text of [identity.subject, identity.displayName ?? 'x']) expect(text).toMatch(/^[^\p{Cc}\u2028\u2029]{1,200}$/u)
    expect(identity.role === 'USER' || identity.role === 'ADMIN').toBe(true)
  }))
})
