import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../../src/core/policy.js'
import { completePolicy, parsePolicyDocument } from '../../src/core/policy-document.js'
import { definitionOf, judgedFiles, vectorsOf } from '../support/vectors.js'

/** The rules themselves; `test/scenarios/vectors.test.ts` takes the same ways in as people and workers do. */
describe.each(judgedFiles)('%s', (file, least) => {
  it('has at least as many as were promised, each with a name of its own', () => {
    const names = vectorsOf(file).map(({ name }) => name)
    expect(names.length).toBeGreaterThanOrEqual(least)
    expect(new Set(names).size).toBe(names.length)
  })

  it.each(vectorsOf(file).map((vector) => [vector.name, vector] as const))('%s', (_, vector) => {
    const policy = { revision: 1, document: completePolicy(parsePolicyDocument(vector.policy ?? {})) }
    // Made by hand, so that what the parser refuses already is judged here too.
    const { kind, findings } = evaluate({ kind: 'MCP_SERVER', name: 'tickets', definition: definitionOf(vector) }, [policy])
    expect({ kind, findings }).toMatchObject({ kind: vector.verdict })
    const { finding } = vector
    if (finding !== undefined) expect(findings.filter(({ rule }) => rule === finding.rule).map(({ message, field }) => `${field}: ${message}`).join('\n')).toContain(finding.says ?? '')
    if (finding?.field !== undefined) expect(findings.map(({ field }) => field)).toContain(finding.field)
  })
})

it('every file of vectors is judged', () => {
  expect(readdirSync(new URL('../vectors/', import.meta.url)).filter((name) => name !== 'static-loading.json').sort()).toEqual(judgedFiles.map(([file]) => file).sort())
})
