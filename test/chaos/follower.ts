import { setTimeout as delay } from 'node:timers/promises'
import { print } from 'graphql'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { CatalogChangedDocument, type CatalogChangedSubscription } from '../../src/client/index.js'
import { type OwnerQuery } from '../../src/index/catalog-index.js'
import { type createRandom } from '../support/random.js'
import { type CatalogEvent } from '../support/subscriber.js'
import { apply, type Held, nothing } from './held.js'
import { type ApiNode } from './node.js'

/** A token and whom it belongs to. Some are revoked and made anew while their followers hang on them. */
export interface Pass {
  label: string
  /** null: a worker's. */
  userId: string | null
  tokenId: string
  token: string
}

/** One event as it came. */
export interface Heard {
  event: CatalogEvent
  tokenId: string
  node: string
  /** The cursor that the subscription began with; only of a first event. */
  after: string | null
  isFirst: boolean
}

/** The server said that trying again does not help. */
export interface Ending {
  code: string
  lacks: 'TOKEN' | 'RIGHT'
  tokenId: string
  node: string
  /** Where the follower stood; null when it held nothing. */
  cursor: string | null
}

export interface Follower {
  readonly name: string
  readonly owner: OwnerQuery
  readonly credential: Pass
  /** LIVE: an event came on the open operation. DENIED: the right is missing. ENDED: the token is. OPENING: anything else. */
  status: () => 'OPENING' | 'LIVE' | 'DENIED' | 'ENDED'
  cursor: () => string | null
  held: () => Held
  /** Of the operation that is open, or was. */
  tokenId: () => string
  /** Name of the node that it hangs on, or tries. */
  where: () => string
  takeHeard: () => Heard[]
  takeEndings: () => Ending[]
  /** Events since the beginning. */
  delivered: () => number
  /** Ends of operations that were to be resumed, by reason. */
  drops: ReadonlyMap<string, number>
  /** Tries again with a token that was refused for good: a restore may have brought it back. */
  wake: () => void
  /** Stops reading from the socket: bytes pile up in the kernel, then at the server. */
  stall: () => ApiNode | null
  resume: () => void
  close: () => Promise<void>
}

export interface FollowerOptions {
  name: string
  owner: OwnerQuery
  credential: Pass
  nodes: readonly ApiNode[]
  random: ReturnType<typeof createRandom>
}

type End = { verdict: 'TOKEN' | 'RIGHT' | 'AGAIN'; reason: string }

/** A node that is frozen takes connections and answers nothing. */
class ImpatientSocket extends WebSocket {
  constructor(address: string, protocols: string[]) {
    super(address, protocols, { handshakeTimeout: 5_000, perMessageDeflate: false })
    // graphql-ws takes its own handler off when it is terminated before the socket opened.
    this.on('error', () => {})
  }
}

/** Follows one owner with the real graphql-ws client: resumes by cursor on any node, with jitter, and honours the codes of the contract. */
export function startFollower({ name, owner, credential, nodes, random }: FollowerOptions): Follower {
  const closing = new AbortController()
  const drops = new Map<string, number>()
  let status: ReturnType<Follower['status']> = 'OPENING'
  let held = nothing()
  let cursor: string | null = null
  let node: ApiNode | null = null
  let usedTokenId = credential.tokenId
  let socket: WebSocket | null = null
  let heard: Heard[] = []
  let endings: Ending[] = []
  let delivered = 0
  let wakeCalls = 0

  const wait = (ms: number) => delay(ms, undefined, { signal: closing.signal }).catch(() => {})
  const forget = () => {
    held = nothing()
    cursor = null
  }

  function take(event: CatalogEvent, place: Omit<Heard, 'event'>): void {
    heard.push({ event, ...place })
    delivered += 1
    apply(held, event)
    cursor = event.cursor
    status = 'LIVE'
  }

  async function run(): Promise<void> {
    for (let attempt = 0; !closing.signal.aborted; attempt++) {
      node = random.pick(nodes)
      const { tokenId, token } = credential
      usedTokenId = tokenId
      const before = delivered
      const { verdict, reason } = await listen(node, tokenId, token)
      if (delivered > before) attempt = 0
      if (closing.signal.aborted) return
      if (verdict === 'AGAIN') {
        status = 'OPENING'
        drops.set(reason, (drops.get(reason) ?? 0) + 1)
        await wait(random.below(Math.min(1_000, 50 * 2 ** Math.min(attempt, 5))))
        continue
      }
      endings.push({ code: reason, lacks: verdict, tokenId, node: node.name, cursor })
      forget()
      status = verdict === 'TOKEN' ? 'ENDED' : 'DENIED'
      // A right may come back; a token does not, but a new one is made.
      if (verdict === 'RIGHT') await wait(500 + random.below(1_000))
      else for (const calls = wakeCalls; credential.tokenId === tokenId && calls === wakeCalls && !closing.signal.aborted;) await wait(20)
    }
  }

  function listen({ webSocketUrl, name: nodeName }: ApiNode, tokenId: string, token: string): Promise<End> {
    const after = cursor
    let isFirst = true
    return new Promise((resolve) => {
      const client = createClient({
        url: webSocketUrl, webSocketImpl: ImpatientSocket, lazy: true, retryAttempts: 0, connectionAckWaitTimeout: 10_000,
        connectionParams: { authorization: `Bearer ${token}` },
        on: { opened: (opened) => { socket = opened as WebSocket } },
      })
      const end = (how: End) => {
        closing.signal.removeEventListener('abort', onClose)
        socket = null
        resolve(how)
        client.terminate()
      }
      const onClose = () => end({ verdict: 'AGAIN', reason: 'closed by us' })
      closing.signal.addEventListener('abort', onClose)
      client.subscribe<CatalogChangedSubscription>({ query: print(CatalogChangedDocument), operationName: 'CatalogChanged', variables: { owner, after } }, {
        next: ({ data, errors }) => {
          if (data?.catalogChanged == null || errors !== undefined) return end(endOf(errors ?? 'an event without data'))
          take(data.catalogChanged, { tokenId, node: nodeName, after, isFirst })
          isFirst = false
        },
        error: (error) => end(endOf(error)),
        complete: () => end({ verdict: 'AGAIN', reason: 'completed' }),
      })
    })
  }

  const running = run()
  return {
    name, owner, credential, drops,
    status: () => status,
    cursor: () => cursor,
    held: () => held,
    tokenId: () => usedTokenId,
    where: () => node?.name ?? 'no node',
    takeHeard: () => {
      const taken = heard
      heard = []
      return taken
    },
    takeEndings: () => {
      const taken = endings
      endings = []
      return taken
    },
    delivered: () => delivered,
    wake: () => { wakeCalls += 1 },
    stall: () => {
      socket?.pause()
      return socket === null ? null : node
    },
    resume: () => { if (socket?.readyState === WebSocket.OPEN || socket?.readyState === WebSocket.CLOSING) socket.resume() },
    close: async () => {
      closing.abort()
      await running
    },
  }
}

/** What the contract of the feed says to do about an end. */
function endOf(error: unknown): End {
  if (Array.isArray(error)) {
    const [first] = error as Array<{ extensions?: { code?: string } }>
    const code = first?.extensions?.code ?? 'no code'
    if (code === 'UNAUTHENTICATED') return { verdict: 'TOKEN', reason: code }
    return { verdict: code === 'FORBIDDEN' || code === 'NOT_FOUND' ? 'RIGHT' : 'AGAIN', reason: code }
  }
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number') {
    const verdict = error.code === 4401 ? 'TOKEN' : error.code === 4403 ? 'RIGHT' : 'AGAIN'
    return { verdict, reason: String(error.code) }
  }
  const { message } = error as { message?: unknown }
  return { verdict: 'AGAIN', reason: (typeof message === 'string' && message !== '' ? message : String(error)).replace(/ 127\.0\.0\.1:\d+$/, '') }
}
