import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'

/** Larger requests are refused before they are read to their end. */
export const maxBodyBytes = 4 * 1024 * 1024
/** A client that leaves more than this unread is cut off; it connects again and asks anew. */
const maxUnreadBytes = 4 * 1024 * 1024

export interface RelayListener {
  port: number
  /** Cuts every connection. */
  close: () => Promise<void>
}

/** @throws when loopback cannot be listened on */
export async function startRelayListener(handle: (request: IncomingMessage, response: ServerResponse, port: number) => Promise<void>): Promise<RelayListener> {
  let port = 0
  // A missing Host is ours to refuse, in the same way as a foreign one.
  const server: Server = createServer({ requireHostHeader: false }, (request, response) => {
    handle(request, response, port).catch(() => {
      if (response.headersSent) response.destroy()
      else refuse(response, 500)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  return {
    port,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

/** An answer that tells nothing, or a JSON-RPC error for who has a right to know. The request's body is not read on. */
export function refuse(response: ServerResponse, status: number, error: { code: number; message: string } | null = null): void {
  const body = error === null ? '' : JSON.stringify({ jsonrpc: '2.0', id: null, error })
  const { req } = response
  const headers = { 'content-length': Buffer.byteLength(body), ...(error !== null && { 'content-type': 'application/json' }) }
  response.writeHead(status, { ...headers, ...(!req.complete && { connection: 'close' }), ...(status === 405 && { allow: 'GET, POST, DELETE' }) })
  response.end(body)
}

/** The body as text; null when it is larger than `maxBodyBytes`. */
export async function readBody(request: IncomingMessage): Promise<string | null> {
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) return null
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength
    if (bytes > maxBodyBytes) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Resolves when the answer, which may be a stream without end, is sent or its reader is gone. */
export async function sendAnswer(answer: Response, response: ServerResponse): Promise<void> {
  // Whether the connection stays is between the client and Node.
  answer.headers.delete('connection')
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  if (answer.body === null) return void response.end()
  response.flushHeaders()
  const reader = answer.body.getReader()
  response.once('close', () => void reader.cancel().catch(() => {}))
  for (;;) {
    const next = await reader.read()
    if (next.done || response.destroyed) break
    if (response.writableLength > maxUnreadBytes) {
      response.destroy()
      break
    }
    response.write(next.value)
  }
  response.end()
}
