import { describe, expect, it } from 'vitest'
import { redactTokens } from '../../src/core/redact.js'

describe('S14: what looks like a credential', () => {
  it.each([
    ['of ours', `pht_${'a1'.repeat(21)}b`], ['of a worker', `phw_${'a-_1'.repeat(10)}`], ['a JWT', 'eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl'],
    ['of GitHub', 'ghp_abcdefghijklmnopqrst0123'], ['of GitHub, fine-grained', 'github_pat_11ABCDEFG0abcdefghij_xyz'], ['of GitLab', 'glpat-abcdefghij0123456789'],
    ['a model\'s', 'sk-proj-abcdefghij0123456789'], ['of Slack', 'xoxb-1234567890-abcdef'], ['of Vault', 'hvs.CAESIabcdefghij0123456789'],
    ['of AWS', 'AKIAIOSFODNN7EXAMPLE'], ['a private key', '-----BEGIN RSA PRIVATE KEY----- MIIEow -----END RSA PRIVATE KEY-----'],
    ['a private key that was cut', '-----BEGIN PRIVATE KEY----- MIIEow'],
  ])('%s', (_, secret) => {
    for (const text of [secret, `401 for ${secret}, sorry`, `x=${secret}`]) {
      expect(redactTokens(text)).toContain('[redacted]')
      expect(redactTokens(text)).not.toContain(secret.slice(-6))
    }
  })

  it.each([
    ['Authorization: Bearer abcdef123456', 'Authorization: Bearer [redacted]'], ['basic dXNlcjpwYXNz refused', 'basic [redacted] refused'],
    ['https://me:Hunter2@h.example.com/x', 'https://[redacted]@h.example.com/x'], ['GET /x?api_key=S3cr3tValue&y=1', 'GET /x?api_key=[redacted]&y=1'],
    ['{"access_token":"Abcdef123","n":1}', '{"access_token":"[redacted]","n":1}'], ['DB_PASSWORD=Hunter22', 'DB_PASSWORD=[redacted]'],
    ['client secret: S3cr3tValue', 'client secret: [redacted]'],
  ])('%j becomes %j', (text, expected) => expect(redactTokens(text)).toBe(expected))

  it.each(['basic authentication failed', 'token: expired', 'the bearer token is unknown', 'connect ECONNREFUSED 127.0.0.1:3901', 'https://h.example.com/a@b', 'mail to a@example.com', ''])(
    '%j is left alone', (text) => expect(redactTokens(text)).toBe(text))

  it('takes time in proportion to the text', () => {
    const texts = ['-eyJ', 'a', 'token=', 'a://', 'bearer ', '?token', '-----BEGIN ', 'basic\t', 'Xtoken', '"'].map((part) => part.repeat(100_000 / part.length))
    const began = performance.now()
    for (const text of texts) redactTokens(text)
    // What grows with the square takes minutes here.
    expect(performance.now() - began).toBeLessThan(10_000)
  })
})
