import { expect, it } from 'vitest'
import { relayAdapter } from '../../../src/worker/adapters/relay.js'
import { adapterConformance, agentItem, serverItem, upstreamOf } from '../../suites/adapter-conformance.js'
import { connectMcpClient } from '../../support/mcp-client.js'
import { createRelay } from '../../../src/worker/relay.js'

adapterConformance('relay', relayAdapter)

const context = {
  sessionId: 's1', agent: null, openRelay: () => createRelay().open(), turnBegan: () => {}, turnEnded: () => {}, callRefused: () => {},
}

it('has endpoints from its opening to its end, with what it held before', async () => {
  const adapter = relayAdapter()
  expect(() => adapter.endpoint()).toThrow(TypeError)
  await adapter.load(agentItem('helper'))
  await adapter.load(serverItem('a', { upstream: upstreamOf('x') }))
  await adapter.open!(context)
  const { close, tools } = await connectMcpClient(adapter.endpoint())
  expect(await tools()).toEqual(['a-x'])
  expect(adapter.endpointOf('a')).toBe(`${adapter.endpoint()}/a`)
  await close()
  await adapter.close!()
  expect(() => adapter.endpointOf('a')).toThrow(TypeError)
})

it('S18: says what it withholds', async () => {
  const adapter = relayAdapter()
  await adapter.open!(context)
  await adapter.load(serverItem('a', { upstream: upstreamOf('b-x') }))
  await adapter.load(serverItem('a-b', { upstream: upstreamOf('x') }))
  expect(adapter.list().map(({ reason }) => reason)).toEqual([null, 'Withheld: x (a-b-x is a tool of a).'])
  await adapter.close!()
})
