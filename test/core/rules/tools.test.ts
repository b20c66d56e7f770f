import { describe, expect, it } from 'vitest'
import { parseMcpServerDefinition } from '../../../src/core/mcp-server.js'
import { completePolicy, type PolicyDocument } from '../../../src/core/policy-document.js'
import { tools } from '../../../src/core/rules/tools.js'

const judge = (selection: object, policy: PolicyDocument = {}) => tools({
  kind: 'MCP_SERVER', name: 'x', definition: parseMcpServerDefinition({ transport: { http: { url: 'https://a.com' } }, tools: selection }),
}, completePolicy(policy)).map(({ field }) => field.replace('definition.tools.', ''))

describe('S18: a selection of tools', () => {
  it.each<[object]>([[{}], [{ include: [] }], [{ include: ['*'] }], [{ include: ['get_issue', 'list.issues', 'repo/get', 'a-b*'], exclude: ['delete_*'] }]])('%j is one', (selection) => {
    expect(judge(selection)).toEqual([])
  })

  it.each<[object, string[]]>([
    [{ include: ['g\u0435t'] }, ['include.0']], [{ include: ['ok', 'get issue'] }, ['include.1']], [{ exclude: ['a\u200bb'] }, ['exclude.0']], [{ include: ['a', 'a'] }, ['include.1']],
    [{ exclude: ['a', 'b', 'a'] }, ['exclude.2']], [{ include: ['a,b'] }, ['include.0']], [{ include: ['${A}'] }, ['include.0']], [{ include: ['(a|b)'] }, ['include.0']],
    [{ include: ['**'] }, ['include.0']], [{ include: ['a**b'] }, ['include.0']], [{ include: ['.'] }, ['include.0']], [{ include: ['../x'] }, ['include.0']], [{ exclude: ['a/..'] }, ['exclude.0']], [{ include: ['a//b'] }, ['include.0']],
  ])('%j is none', (selection, fields) => { expect(judge(selection)).toEqual(fields) })

  it('names no more tools than a server may offer', () => {
    const include = ['a', 'b', 'c*', 'd']
    expect(judge({ include }, { tools: { maxPerMcpServer: 3 } })).toEqual([])
    expect(judge({ include }, { tools: { maxPerMcpServer: 2 } })).toEqual(['include'])
  })
})
