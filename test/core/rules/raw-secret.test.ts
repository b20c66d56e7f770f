import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAgentDefinition } from '../../../src/core/agent.js'
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
  ['headers as JSON', '{"Authorization": "Bearer hunter2hunter2"}'], ['a scheme and its value', 'Basic YWRtaW46YWRtaW4='], ['with dots', 'a8Kd93jQz7.1LmPx04VbN.Wq82mXc5tR'], ['with colons', 'a8Kd93jQz7:1LmPx04VbN:Wq82mXc5tR'],
  ['a random name of a secret', 'arn:aws:secretsmanager:us-east-1:123456789012:secret:a8Kd93jQz71LmPx04VbN'], ['one announced behind an ARN', of('arn:aws:secretsmanager:us-east-1:123456789012:secret:x;pass', 'word=hunter2a')],
  ['what only looks like an OAuth client', of('GOCSPX', '-a8Kd93jQz71LmPx04VbN1x2y3z4w')],
]

const harmless = [
  '', 'true', '3000', 'production', 'info', 'application/json', 'text/event-stream', 'en-US,en;q=0.9', 'us-east-1', 'https://api.example.com/v1/mcp?api-version=2025-11-25',
  'my-very-long-service-name-for-production-use', '/srv/mcp/some/long/path/ServerNameWithManyWords', '@modelcontextprotocol/server-filesystem@2025.8.21', 'MyVeryLongServiceNameForProduction2',
  of('sha', '256:', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'), '3f2c9a1e-7b4d-4c8e-9f0a-1b2c3d4e5f60', 'arn:aws:iam::123456789012:role/MyRole', 'user@example.com',
  'feature_flag_a,feature_flag_b', '2026-11-25T19:00:00.000Z', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)', 'postgres://db.example.com:5432/app', 'max_tokens=200000',
  'tokens', 'ghcr.io/example/server', 'Europe/Berlin', '--allow-read=/srv/data', '--port=8080', '10.0.0.0/8', 'a'.repeat(200), '1234567890123456789012345678901234567890', 'Basic configuration of the server',
  'token: required for authentication', 'secret:/run/secrets/x', 'password=prompt', 'tokens: unlimited', 'basic auth needed', 'token ring network', 'api_key_env=OPENAI_API_KEY', 'token=OPENAI_API_KEY', 'tokenizer=cl100k_base',
  'pk_test_TYooMQauvdEDq54NiTphI7jx', 'vpc-0a1b2c3d4e5f67890', 'https://my-app-a1b2c3d4e5-uc.a.run.app/mcp', 'us.anthropic.claude-3-7-sonnet-20250219-v1:0', 'Qwen2.5-Coder-32B-Instruct-GGUF', '2001:db8:85a3:8d3:1319:8a2e:370:7348',
  'SHA fingerprint aa:b1:c2:d3:e4:f5:06:17:28:39:4a:5b:6c:7d:8e:9f:a0:b1:c2:d3', 'host=db.example.com port=5432', 'compass: north-by-northwest', 'abcd1234efgh5678ij.execute-api.us-east-1.amazonaws.com',
  'arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/app/db-AbCdEf', '123456789012-abc123def456ghi789jkl012mno345pq.apps.googleusercontent.com',
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

  const pass = 'hunter2hunter2'
  const fieldsOfArgs = (...args: string[]) => fieldsOf({ stdio: { command: 'npx', args: ['srv@1.2.3', ...args] } })
  it.each([
    ['--header', `Authorization: Bearer ${pass}`], ['--header', `Authorization:Bearer ${pass}`], ['-H', 'Authorization: Basic YTpiY2RlZmc='], ['-H', 'Authorization: Bearer abcdefgh'], ['-H', `X-Api-Key: ${pass}`],
    ['--accessToken', pass], ['--clientSecret', pass], ['--pass', pass], ['--pwd', pass], ['--passphrase', pass], ['--private-key', pass], ['--bearer', pass], ['--cookie', `sid=${pass}`], ['--pat', pass],
    ['--password', 'hunter2'], ['--password', 'correct-horse-battery-staple'], ['--stripe-api-key', pass], [`--accessToken=${pass}`], ['-e', `DB_PASS=${pass}`], ['-e', 'AUTH=Basic YWRtaW46YWRtaW4='], [`--set=db.pass=${pass}`],
    [`https://a.com/?key=${pass}`], [of('sbp', '_', '0a1b2c3d4e'.repeat(4))],
  ])('S4: a credential of a command line: %s %s', (...args) => { expect(fieldsOfArgs(...args)).toEqual([`stdio.args.${args.length}`]) })

  it.each([
    ['--ref', 'da39a3ee5e6b4b0d3255bfef95601890afd80709'], ['--vpc', 'vpc-0a1b2c3d4e5f67890'], ['--image', 'ami-0a1b2c3d4e5f67890'], ['--role', 'arn:aws:iam::123456789012:role/MyRole-1ABCDEF2GHIJK'], ['/opt/app/v1/bin/db2/lib/x64/so'],
    ['--token', '/run/secrets/tok'], ['--credentials', '/srv/credentials.json'], ['--api-key', 'ENV_API_KEY_NAME'], ['--no-token', 'something-else'], ['--password', 'prompt'], ['--token-type', 'bearer-token'], ['--max-token', '4096'],
    ['--host', 'https://abcd1234efgh5678ijkl.execute-api.us-east-1.amazonaws.com/prod'], ['--key', 'pk_test_TYooMQauvdEDq54NiTphI7jx'], ['--bypass=some-thing'], ['--secret_arn', 'arn:aws:secretsmanager:us-east-1:123456789012:secret:my-db-AbCdEf'], ['--compass', 'north-by-northwest'],
  ])('S4: none of a command line: %s %s', (...args) => { expect(fieldsOfArgs(...args)).toEqual([]) })

  const urlsOf = (rest: string, host = 'a.com') => fieldsOf({ http: { url: `https://${host}/mcp${rest}` } })
  it.each([`?key=${pass}`, `?auth=${pass}`, `?code=${pass}`, `?access=${pass}`, '?token=abcde', '?exaApiKey=abcde', `?x=%ZZ&%61pi%5fkey=${pass}`, `?api%255fkey=${pass}`, `?api%25255fkey=${pass}`, `?x=%ff&api_key=${pass}`, `?password%3D${pass}`, `#token=${pass}`])(
    'S4: a credential of an address: %s', (rest) => { expect(urlsOf(rest)).toEqual(['http.url']) })
  it.each(['?key=production', '?access=read-only', '?code=200', '?tools=web_search_exa,get_code_context_exa', '?use_token=false', '?auth=oauth2', '?max_tokens=200000', '?project_ref=xkzqwtbvnrmplshdfgcj', '/%zz', '?next=%2Fmcp%2Fv1'])(
    'S4: none of an address: %s', (rest) => { expect(urlsOf(rest)).toEqual([]) })
  it('S4: who answers at an address is no secret', () => { for (const host of ['my-app-a1b2c3d4e5-uc.a.run.app', 'abcd1234efgh5678ijkl.execute-api.us-east-1.amazonaws.com', '3f2a1b9c8d7e6f5a4b3c2d1e0f9a8b7c.ngrok-free.app']) expect(urlsOf('', host)).toEqual([]) })

  it.each([` Bearer ${pass}`, `Bot ${pass}`, `Key ${pass}`, `JWT ${pass}`, `Bearer:${pass}`, pass, `Digest username="a", response="${pass}"`])('S4: a header that vouches: %j', (value) => {
    expect(fieldsOf(headers(value))).toEqual(['http.headers.Authorization'])
  })
  it.each(['Bearer', 'Token token=${secret:A}', 'Digest username=${user:A}, response=${secret:B}'])('S4: a header that leaves it to references: %s', (value) => { expect(fieldsOf(headers(value))).toEqual([]) })

  it('S4: a known token is found in every string of a definition, and what is only random is not', () => {
    const token = of('gh', 'p_', '1234567890abcdefghijklmnopqrstuvwxyz')
    const server = (text: string) => rawSecret({
      kind: 'MCP_SERVER', name: 'x', definition: parseMcpServerDefinition({
        description: `see ${text}`, tools: { include: [text], exclude: [`${text}*`] }, transport: { stdio: { command: `/opt/${text}`, cwd: `/srv/${text}`, env: [{ name: text, value: '' }] } },
      }),
    }, completePolicy({}))
    const agent = (text: string) => rawSecret({ kind: 'AGENT', name: 'x', definition: parseAgentDefinition({ description: text, prompt: `Use ${text}.`, tools: [text], skills: [text], mcpServers: [text], model: text }) }, completePolicy({}))
    const stdio = 'definition.transport.stdio'
    expect(server(token).map(({ field }) => field)).toEqual(['definition.description', 'definition.tools.include.0', 'definition.tools.exclude.0', `${stdio}.command`, `${stdio}.cwd`, `${stdio}.env`])
    expect(agent(token).map(({ field }) => field.replace('definition.', ''))).toEqual(['description', 'prompt', 'model', 'tools.0', 'skills.0', 'mcpServers.0'])
    expect(fieldsOf({ http: { url: 'https://a.com', headers: [{ name: token, value: '' }] } })).toEqual(['http.headers'])
    expect(JSON.stringify([server(token), agent(token)])).not.toContain(token)
    for (const text of [of('a8Kd93jQz71', 'LmPx04VbN'), 'password=hunter22', 'sk-learn-pipeline-for-models', 'ghp_xxxxxxxxxxxxxxxxxxxxxxxx', 'secret_manager_get_secret_value', 'sk-learn-2024-pipeline-models', 'hf_hub_download_v2_cache_dir']) expect([...server(text), ...agent(text)]).toEqual([])
  })
})

it('S14: finds a token where the name of a secret or of an entry belongs, and repeats nothing of it', () => {
  const token = of('gh', 'p_', '1234567890abcdefghijklmnopqrstuvwxyz')
  const http = (value: string) => ({ http: { url: 'https://a.example.com', headers: [{ name: 'Authorization', value }] } })
  const stdio = (value: string) => ({ stdio: { command: 'npx', args: ['-y', 'srv@1.2.3'], env: [{ name: 'TOKEN', value }] } })
  for (const reference of [`\${secret:${token}}`, `x \${user:${token}} y`]) {
    expect(fieldsOf(http(`Bearer ${reference}`))).toEqual(['http.headers.Authorization'])
    expect(fieldsOf(stdio(reference))).toEqual(['stdio.env.TOKEN'])
  }
  for (const name of ['GITHUB_TOKEN', 'stripe-sk_live', 'sk_live', 'hf_token', 'prod.api-key.2', 'ghp_token_of_the_build']) expect(fieldsOf(http(`Bearer \${secret:${name}}`))).toEqual([])
  const named = rawSecret({ kind: 'MCP_SERVER', name: token, definition: parseMcpServerDefinition({ transport: http('x') }) }, completePolicy({}))
  expect(named.map(({ field }) => field)).toEqual(['name'])
  expect(JSON.stringify(named)).not.toContain(token.slice(4))
})
