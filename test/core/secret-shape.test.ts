import { describe, expect, it } from 'vitest'
import { parseMcpServerDefinition } from '../../src/core/mcp-server.js'
import { completePolicy } from '../../src/core/policy-document.js'
import { redactTokens } from '../../src/core/redact.js'
import { rawSecret } from '../../src/core/rules/raw-secret.js'
import { secretShape } from '../../src/core/secret-shape.js'

/** The beginnings of every form, what joins runs, and what each form repeats. */
const seeds = [
  '-eyJ', '.eyJabcdefghi', 'eyJ', 'a', 'A', '1', 'a1', 'aZ9', '-', '=', '/', 'a/', 'a-', 'a1B-', '.', 'a.', 'a1.', ':', 'a1:', '%', '%25', ' ', '\t', '"', '@', 'a@', '\n', 'é', '://', 'a://', 'a://b:', 'a:b:', 'x:y@',
  'https://a:b', 'mysql://a:', 'https://hooks.slack.com/services/', 'token', 'token=', 'token ', 'token a1', '"token"', 'password:"', 'x-api-key ', 'Bearer ', 'bearer\t', 'basic ', 'Authorization:', 'Authorization: Bearer ',
  '-----BEGIN ', '-----BEGIN A', 'AKIA', 'AIza', 'sk-', 'sk_', 'ghp_', 'xoxb-', 'xoxb-a-', 'npm_', 'hvs.', 'SG.', 'dapi', 'shpat_', 'ops_eyJ', 'lin_api_', 'T3BlbkFJ', 'sk-ant-api03-', '_authToken=', 'sha256:', '0a1b2c3d-',
  '0a1b2c3d-0000-0000-0000-', '0a1b2c3d4e5f60718', 'vpc-0a1b2c3d4e5f60718',
  '-----END ', '-----BEGIN PRIVATE KEY-----', 'authorization', 'authorization:bearer ', 'pass=', '&key=', '?', '?a=', 'a=', '%2525', '%25', 'key-', 'secret_', 'a.atlasv1.', '${', 'a=${', '--token', 'Ab', 'ab:', '/run/', 'A_',
]

describe('S4: whatever a text repeats, it is judged in time proportional to its length', () => {
  const length = 65_536
  const server = parseMcpServerDefinition({ transport: { http: { url: 'https://a.com' } } })
  const policy = completePolicy({})
  it.each(seeds)('%j', (seed) => {
    const text = seed.repeat(Math.ceil(length / seed.length)).slice(0, length)
    const began = performance.now()
    secretShape(text)
    redactTokens(text)
    rawSecret({ kind: 'MCP_SERVER', name: 'x', definition: { ...server, transport: { kind: 'STDIO', command: 'x', args: ['--token', text], env: [], cwd: null } } }, policy)
    rawSecret({ kind: 'MCP_SERVER', name: 'x', definition: { ...server, transport: { kind: 'HTTP', url: `https://a.com/?${text}`, headers: [{ name: 'Authorization', value: text }] } } }, policy)
    // Some 200 ms; what grows with the square takes 6 s and more.
    expect(performance.now() - began).toBeLessThan(3000)
  })
})
