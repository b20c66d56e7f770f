import { createMCPClient, type MCPClient } from '@ai-sdk/mcp'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type SessionRelay } from '../../src/worker/adapter.js'
import { createRelay } from '../../src/worker/relay.js'
import { serverItem, upstreamOf } from '../suites/adapter-conformance.js'

// A client that shares no code with the official SDK, as it comes from the registry.
let relay: SessionRelay
let client: MCPClient
beforeAll(async () => {
  relay = await createRelay().open()
  client = await createMCPClient({ transport: { type: 'http', url: relay.url } })
})
afterAll(async () => {
  await client.close()
  await relay.close()
})

it('the AI SDK\'s MCP client has what comes after it connected, calls it, and is refused what was withdrawn', async () => {
  expect((await client.listTools()).tools).toEqual([])
  relay.load(serverItem('a', { upstream: upstreamOf('x') }))
  const tools = await client.tools()
  expect(Object.keys(tools)).toEqual(['a-x'])
  const call = () => tools['a-x']!.execute({}, { toolCallId: '1', messages: [] })
  expect(await call()).toEqual({ content: [{ type: 'text', text: 'x' }], isError: false })
  relay.unload('a')
  await expect(call()).rejects.toThrow('There is no tool a-x in this session.')
  expect((await client.listTools()).tools).toEqual([])
})
