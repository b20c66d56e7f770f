import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseMcpServerDefinition } from '../../../src/core/mcp-server.js'
import { completePolicy } from '../../../src/core/policy-document.js'
import { rawSecret } from '../../../src/core/rules/raw-secret.js'
import { secretShape } from '../../../src/core/secret-shape.js'

/** Put together here, so that no scanner of repositories takes them for real ones. */
const of = (...parts: string[]) => parts.join('')
const judge = (transport: object) => rawSecret({ kind: 'MCP_SERVER', name: 'x', definition: parseMcpServerDefinition({ transport }) }, completePolicy({}))
const fieldsOf = (transport: object) => judge(transport).map(({ field }) => field.replace('definition.transport.', ''))

const secrets: Array<[what: string, value: string]> = [
  ['a GitHub token', of('gh', 'p_', '1234567890abcdefghijklmnopqrstuvwxyz')], ['another of its kinds', of('gh', 's_', '16C7e42F292c6912E7710c838347Ae178B4a')],
  ['a fine-grained one', of('github', '_pat_', '11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ0123456789aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567')],
  ['GitLab', of('gl', 'pat-', 'abcdefghij0123456789')], ['Slack', of('xo', 'xb-', '123456789012-1234567890123-abcdefghijklmnopqrstuvwx')],
  ['npm', of('np', 'm_', 'abcdefghijklmnopqrstuvwxyz0123456789')], ['Anthropic', of('sk', '-ant-api03-', 'A1b2'.repeat(23), 'AA')],
  ['OpenAI', of('sk', '-proj-', 'abcdefghijklmnopqrstuvwx', 'T3BlbkFJ', 'abcdefghijklmnopqrst')], ['Stripe', of('sk', '_live_', '51H8aBcDeFgHiJkLmNoPq')],
  ['Hugging Face', of('h', 'f_', 'abcdefghijklmnopqrstuvwxyzABCDEFGH')], ['Vault', of('hv', 's.', 'CAESIJ1234567890abcdefghijklmnopqrstuvwxyz')],
  ['AWS key id', of('AK', 'IA', 'IOSFODNN7ABCDEFG')], ['AWS secret', of('wJalrXUtnFEMI/', 'K7MDENG/', 'bPxRfiCYzzzzzzKEY1')],
  ['Google', of('AI', 'za', 'SyA-1234567890abcdefghijklmnopqrstu')], ['a JWT', of('eyJ', 'hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N')],
  ['a private key', of('-----BEGIN ', 'RSA PRIVATE KEY-----')], ['an OpenSSH key', of('-----BEGIN OPENSSH', ' PRIVATE KEY-----')],
  ['a database address', of('postgres://', 'user:pass', '@host:5432/db')], ['an address with a password only', of('redis://', ':pass', '@host')],
  ['a connection string', of('Server=db;User Id=sa;', 'Password=', 'hunter2a;')], ['an assignment', of('api_key', '=', 'abcdef123')], ['JSON', of('{"tok', 'en": "', 'abcdef123"}')],
  ['hexadecimal', '9f86d081884c7d659a2feaa0c55ad015'], ['base64', 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ'], ['base62', 'a8Kd93jQz71LmPx04VbN'], ['in the middle of a text', 'see a8Kd93jQz71LmPx04VbN for more'],
]

const harmless = [
  '', 'true', '3000', 'production', 'info', 'application/json', 'text/event-stream', 'en-US,en;q=0.9', 'us-east-1', 'https://api.example.com/v1/mcp?api-version=2025-11-25',
  'my-very-long-service-name-for-production-use', '/srv/mcp/some/long/path/ServerNameWithManyWords', '@modelcontextprotocol/server-filesystem@2025.8.21', 'MyVeryLongServiceNameForProduction2',
  of('sha', '256:', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'), '3f2c9a1e-7b4d-4c8e-9f0a-1b2c3d4e5f60', 'arn:aws:iam::123456789012:role/MyRole', 'user@example.com',
  'feature_flag_a,feature_flag_b', '2026-11-25T19:00:00.000Z', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)', 'postgres://db.example.com:5432/app', 'max_tokens=200000',
  'tokens', 'ghcr.io/example/server', 'Europe/Berlin', '--allow-read=/srv/data', '--port=8080', '10.0.0.0/8', 'a'.repeat(200), '1234567890123456789012345678901234567890', 'Basic configuration of the server',
]

describe('S4: what looks like a secret', () => {
  it.each(secrets)('%s', (_, value) => { expect(secretShape(value)).not.toBeNull() })
  it.each(harmless)('%j does not', (value) => { expect(secretShape(value)).toBeNull() })

  it('is found wherever it stands, and what is said of it never holds it', () => {
    for (const [, value] of secrets) {
      const found = [
        ...judge({ http: { url: 'https://a.com/', headers: [{ name: 'X-Note', value }] } }), ...judge({ stdio: { command: 'npx', args: ['-y', 'srv@1.2.3', value], env: [{ name: 'NOTE', value }] } }),
      ]
      expect(found.map(({ field }) => field)).toEqual(['http.headers.X-Note', 'stdio.env.NOTE', 'stdio.args.2'].map((field) => `definition.transport.${field}`))
      for (const { message, mend } of found) expect(`${message} ${mend}`).not.toContain(value)
    }
  })

  it('random letters and digits do, whoever made them', () => {
    const characters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789']
    const random = fc.array(fc.constantFrom(...characters), { minLength: 40, maxLength: 64 }).map((list) => list.join(''))
    let missed = 0
    fc.assert(fc.property(random, (value) => { missed += secretShape(value) === null ? 1 : 0 }), { numRuns: 300, seed: 7 })
    expect(missed).toBeLessThan(15)
  })
})

describe('where it is looked for', () => {
  const headers = (value: string) => ({ http: { url: 'https://a.com/', headers: [{ name: 'Authorization', value }] } })
  it.each(['${secret:A}', 'Bearer ${secret:A}', 'Basic ${user:A}', 'token ${secret:A}', 'Bearer ${user:A_B.c-d}'])('a reference is none: %s', (value) => { expect(fieldsOf(headers(value))).toEqual([]) })
  it.each(['Bearer abcd', 'bearer abcd1234', 'Basic dXNlcjpwYXNz', 'Token hunter22', 'Bearer hunter2${secret:A}', 'ApiKey abcd'])('a credential beside its scheme: %s', (value) => {
    expect(judge(headers(value))).toMatchObject([{ field: 'definition.transport.http.headers.Authorization', mend: expect.stringContaining('${secret:NAME}') as string }])
  })

  it.each<[string, object, string[]]>([
    ['a path', { http: { url: `https://a.com/hooks/${of('a8Kd93jQz71', 'LmPx04VbN')}/mcp` } }, ['http.url']],
    ['a query', { sse: { url: `https://a.com/mcp?tok${'en='}hunter22` } }, ['sse.url']],
    ['a query that hides it', { http: { url: `https://a.com/mcp?q=tok${'en%3D'}hunter22` } }, ['http.url']],
    ['a percent sign alone', { http: { url: 'https://a.com/%zz' } }, []],
    ['an option', { stdio: { command: 'npx', args: ['srv@1.2.3', '--api-key', 'hunter22'] } }, ['stdio.args.2']],
    ['an option with =', { stdio: { command: 'npx', args: ['srv@1.2.3', `--pass${'word='}hunter22`] } }, ['stdio.args.1']],
    ['an option that has none', { stdio: { command: 'npx', args: ['srv@1.2.3', '--token', '--verbose-logging'] } }, []],
    ['an option of another kind', { stdio: { command: 'npx', args: ['srv@1.2.3', '--token-file', '/run/secrets/token'] } }, []],
  ])('%s', (_, transport, fields) => { expect(fieldsOf(transport)).toEqual(fields) })
})
