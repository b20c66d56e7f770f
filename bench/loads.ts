import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'
import { nowMs } from './machine.js'
import { type SubscriberPlan } from './plan.js'
import { RawSocket } from './raw-socket.js'

/** One load: until the last byte, which nobody parses. */
export interface Load {
  milliseconds: number
  bytes: number
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 })

/** Over HTTP: POST with a body, GET without. */
export function loadOverHttp(url: string, body: string | null, token: string | null): Promise<Load> {
  const headers = {
    ...(body !== null && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    ...(token !== null && { authorization: `Bearer ${token}` }),
  }
  const begin = nowMs()
  return new Promise((resolve, reject) => {
    request(url, { method: body === null ? 'GET' : 'POST', agent, headers }, (response) => {
      let bytes = 0
      let start = ''
      response.on('data', (piece: Buffer) => {
        if (bytes < 200) start += piece.toString('latin1', 0, 200)
        bytes += piece.length
      })
      response.on('error', reject).on('end', () => {
        if (response.statusCode === 200 && !start.startsWith('{"errors"')) resolve({ milliseconds: nowMs() - begin, bytes })
        else reject(new Error(`a load failed: ${response.statusCode} ${start}`))
      })
    }).on('error', reject).end(body ?? undefined)
  })
}

export interface Watcher {
  /** From the subscription sent to the last byte of its first event. */
  first: Load
  /** Resolves with the next event. */
  next: () => Promise<void>
  close: () => void
}

/** A fresh subscription on a fresh socket, as a worker has it that starts. */
export function watch(plan: SubscriberPlan, group: number, after: string | null): Promise<Watcher> {
  const url = new URL(plan.url)
  let begin = 0
  let isFirst = true
  let heard = () => {}
  return new Promise((resolve, reject) => {
    const socket = new RawSocket({
      host: url.hostname, port: Number(url.port), path: url.pathname, protocol: 'graphql-transport-ws',
      opened: () => socket.send(JSON.stringify({ type: 'connection_init', payload: plan.groups[group] })),
      closed: (why) => reject(new Error(`the subscription closed: ${why}`)),
      text: (frame) => {
        if (begin === 0) {
          const variables = after === null ? plan.variables : { ...plan.variables, after }
          begin = nowMs()
          return socket.send(JSON.stringify({ id: randomUUID(), type: 'subscribe', payload: { query: plan.query, variables } }))
        }
        const head = frame.toString('latin1', 0, 200)
        if (head.includes('"type":"ping"')) return socket.send('{"type":"pong"}')
        if (!head.includes('"type":"next"')) return reject(new Error(`the subscription was refused: ${head}`))
        if (!isFirst) return heard()
        isFirst = false
        resolve({
          first: { milliseconds: nowMs() - begin, bytes: frame.length }, close: () => socket.drop(),
          next: () => new Promise((done) => { heard = done }),
        })
      },
    })
  })
}
