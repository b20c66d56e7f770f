import { describe, expect, it } from 'vitest'
import { createRedactor } from '../../src/worker/redact.js'

describe('redaction', () => {
  it('takes out header values, what stands behind a scheme, and the query', () => {
    const redact = createRedactor({ kind: 'HTTP', url: 'https://x.example.com/mcp?key=canary-query', headers: [{ name: 'Authorization', value: 'Bearer canary-token' }] })
    const told = redact('401 for Bearer canary-token; "canary-token" at https://x.example.com/mcp?key=canary-query')
    expect(told).not.toMatch(/canary/)
    expect(told).toContain('401 for')
  })

  it('S14: takes them out in other forms, and short ones as they are', () => {
    const redact = createRedactor({ kind: 'HTTP', url: 'https://x.example.com/mcp', headers: [{ name: 'Authorization', value: 'Bearer canary/token' }, { name: 'X-Pin', value: 'c4n4' }] })
    expect(redact(`${Buffer.from('x:canary/token').toString('base64')} canary%2Ftoken canary\\/token c4n4`)).toBe('[redacted] [redacted] [redacted] [redacted]')
  })

  it('takes out environment values, and cuts long texts', () => {
    const redact = createRedactor({ kind: 'STDIO', command: 'x', args: [], env: [{ name: 'KEY', value: 'canary-value' }], cwd: null })
    expect(redact(`bad key canary-value ${'x'.repeat(2000)}`)).toMatch(/^bad key \[redacted\] x+$/)
    expect(redact('x'.repeat(2000))).toHaveLength(600)
  })

  it('leaves ordinary words alone', () => {
    expect(createRedactor({ kind: 'STDIO', command: 'x', args: [], env: [{ name: 'A', value: '1' }], cwd: null })('error 1 of 11')).toBe('error 1 of 11')
  })
})
