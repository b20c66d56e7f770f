import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseMcpServerDefinition } from '../../../src/core/mcp-server.js'
import { evaluate, type Finding, type VerdictKind } from '../../../src/core/policy.js'
import { completePolicy, type PolicyDocument } from '../../../src/core/policy-document.js'

interface Vector {
  name: string
  command: string
  args: string[]
  env?: Array<{ name: string; value: string }>
  cwd?: string
  policy?: PolicyDocument
  verdict: VerdictKind
  finding?: { rule: string; field?: string; says?: string }
}

const { vectors } = JSON.parse(readFileSync(new URL('../../vectors/argv.json', import.meta.url), 'utf8')) as { vectors: Vector[] }

function judge({ command, args, env, cwd, policy }: Pick<Vector, 'command' | 'args' | 'env' | 'cwd' | 'policy'>): { kind: VerdictKind; findings: Finding[] } {
  const definition = parseMcpServerDefinition({ transport: { stdio: { command, args, env, cwd } } })
  return evaluate({ kind: 'MCP_SERVER', name: 'x', definition }, [{ revision: 1, document: completePolicy(policy ?? {}) }])
}

describe('S3: command lines of stdio servers', () => {
  it('has enough of them, good and hostile, each name once', () => {
    expect(vectors.length).toBeGreaterThan(300)
    expect(vectors.filter(({ verdict }) => verdict !== 'DENY').length).toBeGreaterThan(60)
    expect(new Set(vectors.map(({ name }) => name)).size).toBe(vectors.length)
  })

  it.each(vectors)('$name', (vector) => {
    const { kind, findings } = judge(vector)
    const { finding } = vector
    expect({ kind, findings }).toMatchObject({ kind: vector.verdict })
    if (finding === undefined) return expect(findings).toEqual([])
    const like = { rule: finding.rule, ...(finding.field !== undefined && { field: finding.field }), ...(finding.says !== undefined && { message: expect.stringContaining(finding.says) as string }) }
    expect(findings).toContainEqual(expect.objectContaining(like))
    if (vector.verdict !== 'DENY') expect(findings).toHaveLength(1)
    for (const { message, mend } of findings) expect([message, mend]).not.toContain('')
  })
})
