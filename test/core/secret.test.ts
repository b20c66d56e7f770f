import { expect, it } from 'vitest'
import { type McpServerDefinition } from '../../src/core/mcp-server.js'
import { type BoundEntry, bindingsAfter, isBound } from '../../src/core/secret.js'

const definition: McpServerDefinition = {
  description: '', transport: { kind: 'HTTP', url: 'https://api.example.com/mcp', headers: [{ name: 'X-Key', value: '${secret:K}' }] },
  tools: { include: ['*'], exclude: [] }, timeoutMs: null, default: false,
}
const owner = { kind: 'DEPLOYMENT' as const, id: 'deployment' }
const reference = { scope: 'OWNER' as const, name: 'K', injectionPoint: 'header:X-Key' }

it('S23: an entry that a node of before there were bindings has told of is bound to nothing', () => {
  const { bindings: _, ...told } = { kind: 'MCP_SERVER' as const, owner, definition, bindings: null }
  const entry = told as BoundEntry
  expect(isBound(reference, entry, owner, null)).toBe(false)
  expect(isBound({ ...reference, scope: 'USER' }, entry, { kind: 'USER', id: 'u' }, { entryId: 'e', userId: 'u', name: 'K', injectionPoint: 'header:X-Key', since: 1, at: '' })).toBe(false)
  expect(bindingsAfter(entry, { ...entry, revision: 7 })).toEqual({ since: 7, confirmed: [] })
})
