import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError, readConfig } from '../src/config.js'

const needed = { PILOTHOUSE_OIDC_ISSUER: 'https://login.example.com/', PILOTHOUSE_OIDC_AUDIENCE: 'pilothouse' }

function problemsOf(env: Record<string, string>): string[] {
  try {
    readConfig(env)
    return []
  } catch (error) {
    return (error as ConfigError).problems
  }
}

describe('the settings', () => {
  it('have defaults, and an empty variable is one that is not set', () => {
    expect(readConfig({ PORT: '', PILOTHOUSE_OIDC_ISSUER: '' })).toMatchObject({ port: 4_000, host: '127.0.0.1', databaseUrl: null, logLevel: 'warn', oidc: null, allowedHosts: [], allowedOrigins: [], readsPerMinute: 6_000, writesPerMinute: 1_500, reportsPerMinute: 60_000, failuresPerMinute: 120 })
  })

  it('S14: report every problem at once and never a value', () => {
    const canary = 'canary-1f3'
    const problems = problemsOf({
      PORT: canary, DATABASE_URL: canary, PILOTHOUSE_AUDIT_KEY: canary, PILOTHOUSE_LOG_LEVEL: canary, PILOTHOUSE_OIDC_ISSUER: `http://${canary}.example.com`,
      PILOTHOUSE_OIDC_TEAMS: `{"${canary}": 1}`, PILOTHOUSE_OIDC_CLOCK_SKEW_SECONDS: '301', PILOTHOUSE_OIDC_ROLE_CLAIM: canary,
    })
    expect(problems.map((line) => line.split(':')[0])).toEqual([
      'DATABASE_URL', 'PORT', 'PILOTHOUSE_AUDIT_KEY', 'PILOTHOUSE_LOG_LEVEL', 'PILOTHOUSE_OIDC_ISSUER', 'PILOTHOUSE_OIDC_TEAMS', 'PILOTHOUSE_OIDC_CLOCK_SKEW_SECONDS',
      'PILOTHOUSE_OIDC_AUDIENCE', 'PILOTHOUSE_OIDC_ADMIN_VALUE', 'PILOTHOUSE_OIDC_TEAMS_CLAIM',
    ])
    expect(problems.join()).not.toContain(canary)
    expect(new ConfigError(problems).message).toMatch(/^The configuration has 10 problems:\n {2}DATABASE_URL: /)
  })
})

describe('S8: the names and origins of the server', () => {
  it('are lists, in small letters', () => {
    expect(readConfig({
      PILOTHOUSE_ALLOWED_HOSTS: 'Catalog.example.com, node-a:8443,[2001:DB8::1]', PILOTHOUSE_ALLOWED_ORIGINS: 'https://Pages.example.com,http://localhost:5173',
    })).toMatchObject({ allowedHosts: ['catalog.example.com', 'node-a:8443', '[2001:db8::1]'], allowedOrigins: ['https://pages.example.com', 'http://localhost:5173'] })
  })

  it.each<[string, string]>([
    ['PILOTHOUSE_ALLOWED_HOSTS', '*'], ['PILOTHOUSE_ALLOWED_HOSTS', '*.example.com'], ['PILOTHOUSE_ALLOWED_HOSTS', 'https://a.example.com'], ['PILOTHOUSE_ALLOWED_HOSTS', 'a.example.com/x'],
    ['PILOTHOUSE_ALLOWED_HOSTS', 'a.example.com,'], ['PILOTHOUSE_ALLOWED_HOSTS', 'a.example.com.'], ['PILOTHOUSE_ALLOWED_HOSTS', 'a b'], ['PILOTHOUSE_ALLOWED_HOSTS', 'a:port'],
    ['PILOTHOUSE_ALLOWED_ORIGINS', '*'], ['PILOTHOUSE_ALLOWED_ORIGINS', 'null'], ['PILOTHOUSE_ALLOWED_ORIGINS', 'pages.example.com'], ['PILOTHOUSE_ALLOWED_ORIGINS', 'https://pages.example.com/'],
    ['PILOTHOUSE_ALLOWED_ORIGINS', 'https://*.example.com'], ['PILOTHOUSE_ALLOWED_ORIGINS', 'https://a@b.example.com'],
    ['PILOTHOUSE_WRITES_PER_MINUTE', '0'], ['PILOTHOUSE_READS_PER_MINUTE', '-1'], ['PILOTHOUSE_REPORTS_PER_MINUTE', '1.5'], ['PILOTHOUSE_FAILED_TOKENS_PER_MINUTE', '0'],
  ])('refuse %s=%s', (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([expect.stringMatching(`^${name}: must be `)])
  })
})

describe('S7: the settings of the console', () => {
  it('are where people reach it, and how it is known at the issuer', () => {
    expect(readConfig({})).toMatchObject({ publicOrigin: null, oidcClient: null })
    expect(readConfig({ ...needed, PILOTHOUSE_PUBLIC_URL: 'https://Catalog.example.com/', PILOTHOUSE_OIDC_CLIENT_ID: 'console' })).toMatchObject({
      publicOrigin: 'https://catalog.example.com', allowedHosts: ['catalog.example.com'], allowedOrigins: ['https://catalog.example.com'],
      oidcClient: { id: 'console', secret: null, scope: 'openid profile' },
    })
    expect(readConfig({ PILOTHOUSE_PUBLIC_URL: 'http://localhost:4000' }).publicOrigin).toBe('http://localhost:4000')
  })

  it.each<[string, Record<string, string>]>([
    ['PILOTHOUSE_PUBLIC_URL', { PILOTHOUSE_PUBLIC_URL: 'http://catalog.example.com' }], ['PILOTHOUSE_PUBLIC_URL', { PILOTHOUSE_PUBLIC_URL: 'https://catalog.example.com/console' }],
    ['PILOTHOUSE_PUBLIC_URL', { PILOTHOUSE_PUBLIC_URL: 'https://catalog.example.com?x' }], ['PILOTHOUSE_PUBLIC_URL', { PILOTHOUSE_PUBLIC_URL: 'catalog.example.com' }],
    ['PILOTHOUSE_PUBLIC_URL', { ...needed, PILOTHOUSE_OIDC_CLIENT_ID: 'console' }],
    ['PILOTHOUSE_OIDC_SCOPE', { ...needed, PILOTHOUSE_PUBLIC_URL: 'https://a.example.com', PILOTHOUSE_OIDC_CLIENT_ID: 'console', PILOTHOUSE_OIDC_SCOPE: 'profile' }],
    ['PILOTHOUSE_OIDC_CLIENT_ID', { ...needed, PILOTHOUSE_OIDC_CLIENT_SECRET: 'x' }], ['PILOTHOUSE_OIDC_CLIENT_ID', { ...needed, PILOTHOUSE_OIDC_SCOPE: 'openid' }],
  ])('are checked: %s of %j', (name, env) => expect(problemsOf(env)).toEqual([expect.stringMatching(`^${name}: `)]))
})

describe('the settings of an OIDC issuer', () => {
  it('are few', () => {
    expect(readConfig(needed).oidc).toEqual({
      issuer: 'https://login.example.com/', audience: 'pilothouse', jwksUrl: null, clockSkewSeconds: 60,
      mapping: { provider: 'oidc', subjectClaim: 'sub', nameClaim: 'name', admin: null, teams: null },
    })
  })

  it('name claims and what their values mean', () => {
    expect(readConfig({
      ...needed, PILOTHOUSE_OIDC_JWKS_URL: 'https://login.example.com/keys?app=1', PILOTHOUSE_OIDC_PROVIDER: 'entra', PILOTHOUSE_OIDC_SUBJECT_CLAIM: 'oid',
      PILOTHOUSE_OIDC_NAME_CLAIM: 'preferred_username', PILOTHOUSE_OIDC_ROLE_CLAIM: 'roles', PILOTHOUSE_OIDC_ADMIN_VALUE: 'Catalog.Admin',
      PILOTHOUSE_OIDC_TEAMS_CLAIM: 'groups', PILOTHOUSE_OIDC_TEAMS: '{"a": "red", "b": "red:MAINTAINER", "c": "blue:MEMBER"}', PILOTHOUSE_OIDC_CLOCK_SKEW_SECONDS: '0',
    }).oidc).toEqual({
      issuer: 'https://login.example.com/', audience: 'pilothouse', jwksUrl: 'https://login.example.com/keys?app=1', clockSkewSeconds: 0,
      mapping: {
        provider: 'entra', subjectClaim: 'oid', nameClaim: 'preferred_username', admin: { claim: 'roles', value: 'Catalog.Admin' },
        teams: { claim: 'groups', byValue: new Map([['a', { slug: 'red', role: 'MEMBER' }], ['b', { slug: 'red', role: 'MAINTAINER' }], ['c', { slug: 'blue', role: 'MEMBER' }]]) },
      },
    })
    expect(readConfig({ ...needed, PILOTHOUSE_OIDC_TEAMS_CLAIM: 'groups' }).oidc?.mapping.teams).toEqual({ claim: 'groups', byValue: null })
  })

  it.each(['https://a.example.com', 'https://a.example.com:8443/realms/x', 'http://127.0.0.1:8080', 'http://127.1.2.3', 'http://localhost:1/x', 'http://[::1]:80'])('take %s as an issuer', (issuer) => {
    expect(readConfig({ ...needed, PILOTHOUSE_OIDC_ISSUER: issuer }).oidc?.issuer).toBe(issuer)
  })

  it.each([
    'http://a.example.com', 'http://127.0.0.1.example.com', 'http://localhost.example.com', 'https://user@a.example.com', 'https://:pass@a.example.com',
    'https://a.example.com/?x', 'https://a.example.com/#x', 'ftp://127.0.0.1', 'a.example.com', ' https://a.example.com', 'https://a.example.com\n', 'file:///etc/passwd', 'javascript:1',
  ])('refuse %j as an issuer', (issuer) => {
    expect(problemsOf({ ...needed, PILOTHOUSE_OIDC_ISSUER: issuer })).toEqual([expect.stringMatching(/^PILOTHOUSE_OIDC_ISSUER: must /)])
  })

  it.each<[string, string]>([
    ['PILOTHOUSE_OIDC_PROVIDER', 'local'], ['PILOTHOUSE_OIDC_PROVIDER', 'Entra ID'], ['PILOTHOUSE_OIDC_JWKS_URL', 'http://a.example.com/keys'],
    ['PILOTHOUSE_OIDC_CLOCK_SKEW_SECONDS', '-1'], ['PILOTHOUSE_OIDC_CLOCK_SKEW_SECONDS', '1.5'], ['PILOTHOUSE_OIDC_CLOCK_SKEW_SECONDS', 'x'],
    ['PILOTHOUSE_OIDC_TEAMS', 'no json'], ['PILOTHOUSE_OIDC_TEAMS', '[]'], ['PILOTHOUSE_OIDC_TEAMS', 'null'], ['PILOTHOUSE_OIDC_TEAMS', '{"a": "No Slug"}'],
    ['PILOTHOUSE_OIDC_TEAMS', '{"a": "red:OWNER"}'], ['PILOTHOUSE_OIDC_TEAMS', '{"a": ["red"]}'], ['PILOTHOUSE_OIDC_SUBJECT_CLAIM', 'x'.repeat(201)],
  ])('refuse %s=%s', (name, value) => {
    expect(problemsOf({ ...needed, PILOTHOUSE_OIDC_TEAMS_CLAIM: 'groups', [name]: value })).toEqual([expect.stringMatching(`^${name}: `)])
  })

  it.each([
    ['PILOTHOUSE_OIDC_ISSUER', 'PILOTHOUSE_OIDC_AUDIENCE'], ['PILOTHOUSE_OIDC_AUDIENCE', 'PILOTHOUSE_OIDC_ISSUER'], ['PILOTHOUSE_OIDC_NAME_CLAIM', 'PILOTHOUSE_OIDC_ISSUER'],
    ['PILOTHOUSE_OIDC_TEAMS_CLAIM', 'PILOTHOUSE_OIDC_ISSUER'],
  ])('refuse %s without %s', (name, other) => {
    expect(problemsOf({ [name]: 'https://x' })).toEqual([`${other}: is needed with ${name}`])
  })
})

describe('the settings of secrets', () => {
  const key = 'ab'.repeat(32)
  const vault = { PILOTHOUSE_VAULT_ADDR: 'https://vault.example.com:8200/', PILOTHOUSE_VAULT_TOKEN: 'hvs.canary' }

  it('are none unless given', () => {
    expect(readConfig({}).secrets).toEqual({ key: null, previousKeys: [], lostKeyIds: [], env: null, file: null, vault: null })
  })

  it('take keys as people write them, folders, and Vault below its prefix', () => {
    const bytes = Buffer.from(key, 'hex')
    expect(readConfig({
      PILOTHOUSE_SECRET_KEY: key, PILOTHOUSE_SECRET_KEYS_PREVIOUS: [bytes.toString('base64'), bytes.toString('base64url'), key.toUpperCase()].join(', '), PILOTHOUSE_SECRET_DIR: '/run/secrets', ...vault,
    }).secrets).toMatchObject({
      key: bytes, previousKeys: [bytes, bytes, bytes], file: { dir: '/run/secrets' },
      vault: { address: 'https://vault.example.com:8200', token: { value: 'hvs.canary' }, namespace: null, mount: 'secret', prefix: 'pilothouse' },
    })
    expect(readConfig({ ...vault, PILOTHOUSE_VAULT_TOKEN: '', PILOTHOUSE_VAULT_TOKEN_FILE: '/run/token', PILOTHOUSE_VAULT_NAMESPACE: 'a/b', PILOTHOUSE_VAULT_MOUNT: 'kv/team-a', PILOTHOUSE_VAULT_PREFIX: 'apps/pilothouse' }).secrets.vault)
      .toMatchObject({ token: { file: '/run/token' }, namespace: 'a/b', mount: 'kv/team-a', prefix: 'apps/pilothouse' })
  })

  it.each<[string, string, Record<string, string>?]>([
    ...['canary', 'ab'.repeat(31), 'ab'.repeat(33), `${'ab'.repeat(31)}zz`, 'A'.repeat(42), 'A'.repeat(45), `${'A'.repeat(43)}==`, ` ${'ab'.repeat(32)}`].map((text): [string, string] => ['PILOTHOUSE_SECRET_KEY', text]),
    ['PILOTHOUSE_SECRET_KEYS_PREVIOUS', `${key},`, { PILOTHOUSE_SECRET_KEY: key }], ['PILOTHOUSE_SECRET_KEYS_PREVIOUS', `${key},canary`], ['PILOTHOUSE_SECRET_KEYS_LOST', 'canary'],
    ...['A,', 'A B', '1A', 'A-B', 'PILOTHOUSE_SECRET_KEY', 'A,pilothouse_audit_key', 'DATABASE_URL', '*'].map((text): [string, string] => ['PILOTHOUSE_SECRET_ENV', text]),
    ...['http://vault.example.com', 'vault.example.com', 'https://canary@vault.example.com', 'https://vault.example.com/?canary', 'file:///canary'].map((text): [string, string, object] => ['PILOTHOUSE_VAULT_ADDR', text, vault]) as Array<[string, string, Record<string, string>]>,
    ...['/secret', 'secret/', 'a//b', '..', 'a/../b', '.a', 'a/.b', 'a?b', 'a%2fb', 'a\\b'].flatMap((text): Array<[string, string, Record<string, string>]> => [['PILOTHOUSE_VAULT_MOUNT', text, vault], ['PILOTHOUSE_VAULT_PREFIX', text, vault]]),
    ['PILOTHOUSE_SECRET_DIR', '.pilothouse'], ['PILOTHOUSE_SECRET_DIR', '.'], ['PILOTHOUSE_SECRET_DIR', '/'], ['PILOTHOUSE_SECRET_DIR', '/srv/data/postgres', { PILOTHOUSE_DATA_DIR: '/srv/data/' }],
    ['PILOTHOUSE_SECRET_DIR', '/srv/../run', { ...vault, PILOTHOUSE_VAULT_TOKEN: '', PILOTHOUSE_VAULT_TOKEN_FILE: '/run/vault/token' }],
    ['PILOTHOUSE_VAULT_TOKEN', 'canary canary', vault], ['PILOTHOUSE_VAULT_TOKEN', 'canary\u00e9', vault], ['PILOTHOUSE_VAULT_NAMESPACE', 'a\r\nb', vault],
  ])('S14: refuse %s=%s and do not repeat it', (name, value, others = {}) => {
    const problems = problemsOf({ ...others, [name]: value })
    expect(problems).toEqual([expect.stringMatching(`^${name}.*: must `)])
    expect(problems.join()).not.toContain('canary')
  })

  it('S16: refuse a folder that leads to those of our own by a link', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pilothouse-config-'))
    try {
      await mkdir(join(folder, 'data'))
      await symlink(join(folder, 'data'), join(folder, 'link'))
      for (const dir of ['link', 'link/secrets', '.']) {
        expect(problemsOf({ PILOTHOUSE_SECRET_DIR: join(folder, dir), PILOTHOUSE_DATA_DIR: join(folder, 'data') }), dir).toEqual([expect.stringMatching('^PILOTHOUSE_SECRET_DIR: must not hold')])
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('take a folder beside those of our own', () => {
    expect(problemsOf({ PILOTHOUSE_SECRET_DIR: '/srv/data-2', PILOTHOUSE_DATA_DIR: '/srv/data' })).toEqual([])
    expect(problemsOf({ PILOTHOUSE_SECRET_DIR: '/srv/..secrets', PILOTHOUSE_DATA_DIR: '/srv/data' })).toEqual([])
  })

  it.each<[string, Record<string, string>]>([
    ['PILOTHOUSE_SECRET_KEY', { DATABASE_URL: 'postgres://db', PILOTHOUSE_SECRET_KEYS_PREVIOUS: key }], ['PILOTHOUSE_VAULT_ADDR', { PILOTHOUSE_VAULT_TOKEN: 'hvs.canary' }], ['PILOTHOUSE_VAULT_ADDR', { PILOTHOUSE_VAULT_PREFIX: 'a' }],
    ['PILOTHOUSE_VAULT_TOKEN', { PILOTHOUSE_VAULT_ADDR: 'https://vault.example.com' }], ['PILOTHOUSE_VAULT_TOKEN', { ...vault, PILOTHOUSE_VAULT_TOKEN_FILE: 'x' }],
  ])('miss %s', (name, env) => expect(problemsOf(env)).toEqual([expect.stringMatching(`^${name}: `)]))
})
