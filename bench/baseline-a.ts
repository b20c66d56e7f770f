import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { changeOf, openTables, serve } from './baseline.js'
import { serverFrame } from './frames.js'

/**
 * Baseline A, the practical limit: a POST is one statement (event, audit and NOTIFY, in one transaction); one LISTEN
 * connection hears of it and writes the same ready-made frame to every socket. No GraphQL is executed at all: no rights, no
 * sets, no revisions. Usage: baseline-a.ts DATABASE_URL
 */
const sql = await openTables(process.argv[2]!)
const subscribed = new Set<Duplex>()
const kept = 10_000
const ring: Array<{ rev: number; frame: Buffer }> = []

function publish(rev: string, text: string): void {
  const frame = serverFrame(`{"id":"1","type":"next","payload":{"data":{"changed":${JSON.stringify(changeOf(rev, text))}}}}`)
  ring.push({ rev: Number(rev), frame })
  if (ring.length > kept) ring.shift()
  for (const duplex of subscribed) duplex.write(frame)
}

await sql.listen('event', (payload) => {
  const at = payload.indexOf(':')
  publish(payload.slice(0, at), payload.slice(at + 1))
})

async function mutate(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  const { variables: { text } } = JSON.parse(Buffer.concat(pieces).toString()) as { variables: { text: string } }
  const [row] = await sql<Array<{ rev: string }>>`
    with e as (insert into event (body) values (${text}) returning rev),
      a as (insert into audit (rev, who, what) select rev, 'bench', 'update' from e)
    select rev, pg_notify('event', rev || ':' || ${text}) from e`
  const body = `{"data":{"publish":"${row!.rev}"}}`
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
}

const server = createServer((request, response) => {
  mutate(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
})
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false, handleProtocols: () => 'graphql-transport-ws' })
server.on('upgrade', (request, duplex, head) => sockets.handleUpgrade(request, duplex, head, (socket) => {
  socket.on('message', (data) => {
    const text = (data as Buffer).toString()
    if (text.startsWith('{"type":"connection_init"')) return socket.send('{"type":"connection_ack"}')
    const after = /"after":"(\d+)"/.exec(text)?.[1]
    if (after !== undefined) for (const { rev, frame } of since(Number(after))) if (rev > Number(after)) duplex.write(frame)
    subscribed.add(duplex)
  })
  socket.on('close', () => subscribed.delete(duplex))
  socket.on('error', () => {})
}))

/** From the end: those who return missed little. */
function since(rev: number): typeof ring {
  let from = ring.length
  while (from > 0 && ring[from - 1]!.rev > rev) from--
  return ring.slice(from)
}

serve(server)
