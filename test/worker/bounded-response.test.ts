import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { completePolicy } from '../../src/core/policy-document.js'
import { boundedResponse, mostMessageBytes } from '../../src/worker/bounded-response.js'
import { createGuardedFetch } from '../../src/worker/guarded-fetch.js'

const isOver = /sent more than 20 bytes in one message/

/** @param chunks as they come from the network */
function answer(type: string, ...chunks: string[]): Promise<string> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
      controller.close()
    },
  })
  return boundedResponse(new Response(body, { headers: { 'content-type': type } }), 20).text()
}

describe('what one server sends has a bound', () => {
  it.each([
    ['an answer', 'application/json', ['{"a":"0123456789"}']], ['one in parts', 'application/json', ['0123456789', '0123456789']],
    ['events that together are more', 'text/event-stream', ['data: 0123456789\n\n', 'data: 0123456789\n\n', 'data: 0123456789\n\n']],
    ['events with CR and LF', 'text/event-stream; charset=utf-8', ['data: 012345678\r', '\n\r\ndata: 012345678\r\n', '\r', '\ndata: 0123456789']],
    ['events with CR', 'text/event-stream', ['data: 0123456789\r\rdata: 0123456789\r\r']], ['no event yet', 'text/event-stream', [':\n\n:\n\n:\n\n:\n\n:\n\n:\n\n:\n\n:\n\n']],
  ])('%s within it comes as it is', async (_, type, chunks) => {
    expect(await answer(type, ...chunks)).toBe(chunks.join(''))
  })

  it.each([
    ['an answer', 'application/json', ['0123456789', '01234567890']], ['an answer with empty lines', 'text/plain', ['0123456789\n\n', '0123456789\n\n']],
    ['an event of one line', 'text/event-stream', ['data: 0123456789', '01234567890\n\n']], ['an event of many lines', 'text/event-stream', ['data: 01\n', 'data: 01\n', 'data: 01\n\n']],
    ['lines that end with CR and LF', 'Text/Event-Stream', ['data: 01\r\n', 'data: 01\r\n', 'data: 01\r\n']], ['a second event', 'text/event-stream', ['data: 0\n\n', 'data: 01234567890123456789\n\n']],
  ])('%s beyond it is refused', async (_, type, chunks) => {
    await expect(answer(type, ...chunks)).rejects.toThrow(isOver)
  })

  it('also when it is small on its way', async () => {
    const bomb = gzipSync(Buffer.alloc(mostMessageBytes + 1, 'a'))
    const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bomb)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
    const { fetch, close } = createGuardedFetch({ url, policies: () => [completePolicy({ urls: { insecureHttp: ['127.0.0.1'], privateNetworks: ['127.0.0.1'] } })] })
    const response = await fetch(url)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json'])
    await expect(response.text()).rejects.toThrow(`sent more than ${mostMessageBytes} bytes`)
    await close()
    await new Promise((resolve) => server.close(resolve))
  })
})
