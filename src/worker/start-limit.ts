import { type Clock } from './clock.js'

/** What of a start decides when its turn comes. */
export interface StartKind {
  /** It failed before: it may take a quarter of the places, and only those that no first start waits for. */
  isRetry: boolean
  /** Nothing of it runs on this machine: it holds its place for a second at the longest, however long it takes. */
  isRemote: boolean
}

/** Runs `work` when there is a place for it. @throws the signal's reason when that aborts before */
export type SessionStarts = <Result>(work: () => Promise<Result>, kind: StartKind, signal: AbortSignal) => Promise<Result>

/** The places of one worker, in which servers start. */
export interface StartLimit {
  /** The starts of one more session. Those that wait get their turn one session after the other, so a session with many holds up none. */
  forSession: () => SessionStarts
}

/** So that fifty servers of one session do not all start in the same moment, nor take every place of the worker. */
const mostOfOneSession = 10
/** A server that is well has shaken hands by then; for one that only swallows what it is sent nobody else need wait longer. */
const remoteHoldMs = 1000

interface Session {
  running: number
}

/** First starts, or retries. */
interface Lane {
  most: number
  running: number
  /** By session, the one whose turn is next first; none of them is empty. */
  waiting: Map<Session, Set<() => void>>
}

/**
 * At most `most` at once; the others wait. Whoever waits stops when its signal aborts, so what is withdrawn waits for nobody.
 * Processes count until they have shaken hands or are gone; connections only for their first second.
 */
export function createStartLimit(most: number, clock: Clock): StartLimit {
  const first: Lane = { most, running: 0, waiting: new Map() }
  const retries: Lane = { most: Math.ceil(most / 4), running: 0, waiting: new Map() }
  const count = (lane: Lane, session: Session, by: 1 | -1) => {
    lane.running += by
    session.running += by
  }
  const hasPlace = (lane: Lane) => first.running + retries.running < most && lane.running < lane.most
  const admit = () => {
    for (const lane of [first, retries]) {
      // One of each session: who has more goes to the end, where this loop comes to it again.
      for (const [session, waiting] of lane.waiting) {
        if (!hasPlace(lane)) break
        if (session.running >= mostOfOneSession) continue
        const [enter] = waiting
        remove(lane, session, enter!)
        if (waiting.size > 0) {
          lane.waiting.delete(session)
          lane.waiting.set(session, waiting)
        }
        count(lane, session, 1)
        enter!()
      }
    }
  }
  const hold = async <Result>(work: () => Promise<Result>, lane: Lane, session: Session, isRemote: boolean): Promise<Result> => {
    let isHeld = true
    const leave = () => {
      if (!isHeld) return
      isHeld = false
      count(lane, session, -1)
      admit()
    }
    const cancel = isRemote ? clock.after(remoteHoldMs, leave) : () => {}
    try {
      return await work()
    } finally {
      cancel()
      leave()
    }
  }
  return {
    forSession: () => {
      const session: Session = { running: 0 }
      return (work, { isRetry, isRemote }, signal) => new Promise((resolve, reject) => {
        signal.throwIfAborted()
        const lane = isRetry ? retries : first
        const enter = () => {
          signal.removeEventListener('abort', giveUp)
          resolve(hold(work, lane, session, isRemote))
        }
        const giveUp = () => {
          remove(lane, session, enter)
          reject(signal.reason as Error)
        }
        signal.addEventListener('abort', giveUp, { once: true })
        lane.waiting.set(session, (lane.waiting.get(session) ?? new Set()).add(enter))
        admit()
      })
    },
  }
}

function remove({ waiting }: Lane, session: Session, enter: () => void): void {
  const ofSession = waiting.get(session)
  ofSession?.delete(enter)
  if (ofSession?.size === 0) waiting.delete(session)
}
