import { passed } from '../db/step.js'

/** One event as bytes, for everybody who asked for the same. */
export interface Encoded {
  /** Where the index stood. */
  sequence: number
  /** Says nothing new: it may repeat what its receiver knows, and must not lie before it. */
  isBookmark: boolean
  /** A GraphQL result as JSON. */
  json: Buffer
}

/** Where events of one subscription go. */
export interface Outlet {
  /** What happened up to this sequence was in the first event. */
  since: number
  /** Left: nothing more is written to it. */
  isGone: boolean
  /** Hands over events in their order; must not block, and must bound what waits. */
  write: (events: readonly Encoded[]) => void
  /** Leaves, and ends the subscription with an error. */
  end: (error: unknown) => void
}

/** Subscriptions that get the same events, and the events that wait for them. */
export interface Audience<Member extends Outlet> {
  members: Set<Member>
  waiting: Encoded[]
}

export interface FanOut<Member extends Outlet> {
  /** Adds an event to what waits; `start` lets it go. */
  push: (audience: Audience<Member>, event: Encoded) => void
  start: () => void
  /** What waits for an audience is worth nothing any more. */
  drop: (audience: Audience<Member>) => void
}

/** Writes in one go; then whatever else the process has to do comes first. About three milliseconds. */
const sliceSize = 200

/**
 * Writes events to many sockets without keeping everything else waiting, and in natural batches: what arrives while a round is under way
 * leaves together in the next one, with one write for each socket. With nothing under way an event leaves at once.
 */
export function createFanOut<Member extends Outlet>(): FanOut<Member> {
  const waiting = new Set<Audience<Member>>()
  let round: { events: readonly Encoded[]; members: Member[]; at: number } | null = null
  let isRunning = false

  function run(): void {
    isRunning = true
    for (let left = sliceSize; left > 0;) {
      round ??= nextRound(waiting)
      if (round === null) {
        isRunning = false
        return
      }
      const { events, members } = round
      const end = Math.min(members.length, round.at + left)
      left -= Math.max(1, end - round.at)
      for (; round.at < end; round.at++) write(members[round.at]!, events)
      if (round.at >= members.length) round = null
    }
    setImmediate(run)
  }

  return {
    push: (audience, event) => {
      audience.waiting.push(event)
      waiting.add(audience)
    },
    start: () => { if (!isRunning) run() },
    drop: (audience) => {
      audience.waiting = []
      waiting.delete(audience)
    },
  }
}

function nextRound<Member extends Outlet>(waiting: Set<Audience<Member>>): { events: readonly Encoded[]; members: Member[]; at: number } | null {
  const [audience] = waiting
  if (audience === undefined) return null
  waiting.delete(audience)
  const events = audience.waiting
  audience.waiting = []
  return { events, members: [...audience.members], at: 0 }
}

/** Whoever cannot be written to ends alone. Who came after an event was made has it in their first one. */
function write(member: Outlet, events: readonly Encoded[]): void {
  if (member.isGone) return
  const isNews = ({ sequence, isBookmark }: Encoded) => sequence > member.since || (isBookmark && sequence === member.since)
  // They are in order: with the first all are.
  const news = isNews(events[0]!) ? events : events.filter(isNews)
  if (news.length === 0) return
  try {
    member.write(news)
    passed('event.sent')
  } catch (error) {
    member.end(error)
  }
}
