import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { nowMs } from './machine.js'
import { type Faults, type SubscriberPlan } from './plan.js'
import { RawSocket } from './raw-socket.js'
import { readMarkers, type Tally } from './tally.js'

const attempts = 20
/** One source address has some 28,000 ports. */
const socketsPerAddress = 25_000

export interface Counts {
  /** Events that carried changes, and the changes in them. */
  frames: number
  changes: number
  bytes: number
  /** First events of returning sockets that were the whole set. */
  snapshots: number
}

/** What all subscribers of a generator share. */
export interface Fellowship {
  plan: SubscriberPlan
  url: URL
  tally: Tally
  counts: Counts
  faults: Pick<Faults, 'refused' | 'closed' | 'retries' | 'examples'>
  /** Whether cursors are read, which costs the generator time for each event. */
  keepsCursors: boolean
}

type Stage = 'CONNECTING' | 'WELCOMED' | 'LIVE' | 'GONE'

/** One subscriber: a socket with one subscription, which counts what it gets, and comes again when it is sent away. */
export class Subscriber {
  stage: Stage = 'GONE'
  isReturning = false
  #socket: RawSocket | null = null
  #isDropping = false
  /** Ends the attempt under way: null once it is up, else why it is not. */
  #settle: (why: string | null) => void = () => {}
  #dropped: () => void = () => {}

  constructor(readonly index: number, private readonly shared: Fellowship, private cursor: string | null) {}

  /** Resolves when a new one has its first event, or a returning one has asked for it. */
  async connect(): Promise<void> {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const why = await this.#connectOnce()
      if (why === null) return
      await this.#waitAfter(why)
    }
    this.shared.faults.refused++
    this.#note(`did not get in with ${attempts} attempts`)
  }

  /** Loses the connection; resolves when it is gone. */
  drop(): Promise<void> {
    if (this.stage === 'GONE') return Promise.resolve()
    return new Promise((resolve) => {
      this.#isDropping = true
      this.#dropped = resolve
      this.#socket!.drop()
    })
  }

  #note(what: string): void {
    const { examples } = this.shared.faults
    if (examples.length < 5) examples.push(`subscriber ${this.index} ${what}`)
  }

  #connectOnce(): Promise<string | null> {
    const { url, plan } = this.shared
    const init = JSON.stringify({ type: 'connection_init', payload: plan.groups[this.index % plan.groups.length] })
    const address = Math.floor(this.index / socketsPerAddress)
    return new Promise((resolve) => {
      this.stage = 'CONNECTING'
      this.#settle = resolve
      const socket = new RawSocket({
        host: url.hostname, port: Number(url.port), path: url.pathname, protocol: 'graphql-transport-ws',
        localAddress: address === 0 ? undefined : `127.0.0.${1 + address}`,
        opened: () => socket.send(init),
        text: (frame) => this.#receive(frame),
        closed: (why) => this.#closed(why),
      })
      this.#socket = socket
    })
  }

  async #waitAfter(why: string): Promise<void> {
    this.shared.faults.retries++
    this.#note(`came again: ${why}`)
    // A server that cannot take us now says when.
    await delay(Number(/retry in (\d+) ms/.exec(why)?.[1] ?? 50 + Math.random() * 200))
  }

  #closed(why: string): void {
    const { stage } = this
    const { faults } = this.shared
    this.stage = 'GONE'
    if (this.#isDropping) {
      this.#isDropping = false
      return this.#dropped()
    }
    if (stage === 'LIVE') {
      faults.closed++
      this.#note(`was closed: ${why}`)
    } else if (/^4\d\d\d /.test(why)) {
      faults.refused++
      this.#note(`was refused: ${why}`)
    }
    // Nobody waits for this attempt any more, so it comes again on its own.
    if (stage === 'WELCOMED' && this.isReturning) void this.#waitAfter(why).then(() => this.connect())
    else this.#settle(why)
  }

  #subscribe(): void {
    const { plan } = this.shared
    const after = this.cursor ?? plan.after
    const variables = after === null ? plan.variables : { ...plan.variables, after }
    this.#socket!.send(JSON.stringify({ id: plan.ids === 'UUID' ? randomUUID() : '1', type: 'subscribe', payload: { query: plan.query, variables } }))
    this.stage = plan.isGreeted ? 'WELCOMED' : 'LIVE'
    if (this.isReturning || !plan.isGreeted) this.#settle(null)
  }

  #receive(frame: Buffer): void {
    if (this.stage === 'CONNECTING') return this.#control(frame)
    const { counts, tally, keepsCursors } = this.shared
    const isFirst = this.stage === 'WELCOMED'
    const before = counts.changes
    const at = nowMs()
    if (isFirst && frame.subarray(0, 256).includes('"CatalogSnapshot"')) {
      if (this.isReturning) counts.snapshots++
      if (this.isReturning) readMarkers(frame, (number) => tally.holds(number, this.index, at))
    } else {
      readMarkers(frame, (number) => {
        counts.changes++
        tally.saw(number, this.index, at)
      })
    }
    if (counts.changes > before) {
      counts.frames++
      counts.bytes += frame.length
    } else if (!frame.includes('"type":"next"')) {
      return this.#control(frame)
    }
    if (keepsCursors) this.#keepCursor(frame)
    if (!isFirst) return
    this.stage = 'LIVE'
    this.#settle(null)
  }

  #keepCursor(frame: Buffer): void {
    const start = `"${this.shared.plan.cursorField}":"`
    const from = frame.indexOf(start) + start.length
    if (from >= start.length) this.cursor = frame.toString('latin1', from, frame.indexOf('"', from))
  }

  #control(frame: Buffer): void {
    const message = JSON.parse(frame.toString()) as { type: string }
    if (message.type === 'connection_ack') return this.#subscribe()
    if (message.type === 'ping') return this.#socket!.send('{"type":"pong"}')
    if (message.type !== 'error' && message.type !== 'complete') return
    this.shared.faults.refused++
    this.#note(`was refused: ${frame.toString().slice(0, 300)}`)
    // Nothing more comes on it; whoever waits for a first event may go on.
    this.#settle(null)
  }
}
