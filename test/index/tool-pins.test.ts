import { expect, it } from 'vitest'
import { parseMcpServerDefinition } from '../../src/core/mcp-server.js'
import { pinsOf, placeOf } from '../../src/index/tool-pins.js'

it('F3: what tools are held to is one object for all who ask, also after an edit that leaves the place, so that it is rendered once for ten thousand owners', () => {
  const definitions = [{}, { timeoutMs: 5_000 }, { timeoutMs: 6_000 }].map((more) => parseMcpServerDefinition({ transport: { http: { url: 'https://a.example.com' } }, ...more }))
  const [first, second, third] = definitions.map((definition, at) => ({ id: 'srv_1', kind: 'MCP_SERVER' as const, digest: `d${at}`, definition }))
  const told = { entryId: 'srv_1', digest: 'd0', version: 1, place: placeOf(first!)!, tools: [], held: [] }
  const state = { toolPins: new Map([['srv_1', told]]) }
  expect(pinsOf(state, first!)).toBe(told)
  expect(pinsOf(state, second!)).toMatchObject({ digest: 'd1', version: 1 })
  expect(pinsOf(state, second!)).toBe(pinsOf(state, second!))
  expect(pinsOf(state, third!)).toMatchObject({ digest: 'd2' })
  expect(pinsOf({ toolPins: new Map([['srv_1', { ...told, version: 2 }]]) }, third!)).toMatchObject({ digest: 'd2', version: 2 })
})
