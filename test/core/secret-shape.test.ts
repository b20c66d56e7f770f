import { describe, expect, it } from 'vitest'
import { redactTokens } from '../../src/core/redact.js'
import { secretShape } from '../../src/core/secret-shape.js'

/** The beginnings of every form, what joins runs, and what each form repeats. */
const seeds = [
  '-eyJ', '.eyJabcdefghi', 'eyJ', 'a', 'A', '1', 'a1', 'aZ9', '-', '=', '/', 'a/', 'a-', 'a1B-', '.', 'a.', 'a1.', ':', 'a1:', '%', '%25', ' ', '\t', '"', '@', 'a@', '\n', 'é', '://', 'a://', 'a://b:', 'a:b:', 'x:y@',
  'https://a:b', 'mysql://a:', 'https://hooks.slack.com/services/', 'token', 'token=', 'token ', 'token a1', '"token"', 'password:"', 'x-api-key ', 'Bearer ', 'bearer\t', 'basic ', 'Authorization:', 'Authorization: Bearer ',
  '-----BEGIN ', '-----BEGIN A', 'AKIA', 'AIza', 'sk-', 'sk_', 'ghp_', 'xoxb-', 'xoxb-a-', 'npm_', 'hvs.', 'SG.', 'dapi', 'shpat_', 'ops_eyJ', 'lin_api_', 'T3BlbkFJ', 'sk-ant-api03-', '_authToken=', 'sha256:', '0a1b2c3d-',
  '0a1b2c3d-0000-0000-0000-', '0a1b2c3d4e5f60718', 'vpc-0a1b2c3d4e5f60718',
]

describe('S4: whatever a text repeats, it is judged in time proportional to its length', () => {
  const length = 65_536
  it.each(seeds)('%j', (seed) => {
    const text = seed.repeat(Math.ceil(length / seed.length)).slice(0, length)
    const began = performance.now()
    secretShape(text)
    redactTokens(text)
    // Some 30 ms; what grows with the square takes 6 s and more.
    expect(performance.now() - began).toBeLessThan(3000)
  })
})
