import { type ApplyMoment } from '../core/entry.js'
import { type ViewAgent } from './view.js'

/**
 * Where a session stands when a change comes. OPENING: it has not taken in the catalog yet, or lost all of it when the
 * worker failed closed, so there is nothing that a change could disturb. The others are warm.
 */
export type Situation = 'OPENING' | 'OPENING_IN_TURN' | 'IDLE' | 'IN_TURN'

/** When an entry that is new or changed may start. What is taken away never waits. */
export type Moment = 'AT_ONCE' | 'TURN_END' | 'NEXT_SESSION'

const moments: Record<ApplyMoment, Record<Situation, Moment>> = {
  NOW: { OPENING: 'AT_ONCE', OPENING_IN_TURN: 'AT_ONCE', IDLE: 'AT_ONCE', IN_TURN: 'AT_ONCE' },
  NEXT_TURN: { OPENING: 'AT_ONCE', OPENING_IN_TURN: 'TURN_END', IDLE: 'AT_ONCE', IN_TURN: 'TURN_END' },
  NEXT_SESSION: { OPENING: 'AT_ONCE', OPENING_IN_TURN: 'TURN_END', IDLE: 'NEXT_SESSION', IN_TURN: 'NEXT_SESSION' },
}

export function momentOf(apply: ApplyMoment, situation: Situation): Moment {
  return moments[apply][situation]
}

export function situationOf(isWarm: boolean, runningTurns: number): Situation {
  if (isWarm) return runningTurns > 0 ? 'IN_TURN' : 'IDLE'
  return runningTurns > 0 ? 'OPENING_IN_TURN' : 'OPENING'
}

/** Follows "Revision 2 …". */
export const waitText: Record<Exclude<Moment, 'AT_ONCE'>, string> = {
  TURN_END: 'is applied when the running turn ends',
  NEXT_SESSION: 'is applied in sessions that open later (NEXT_SESSION)',
}

/**
 * The agent whose grants count in a session that is bound to it: a changed one's only once the change may be applied,
 * so that a session never runs the old prompt with the new servers. One that is gone, or became another entry, grants
 * nothing from that moment on.
 * @param held what counted so far
 * @param now what the set has under the name
 */
export function agentInForce(held: ViewAgent | null, now: ViewAgent | null, situation: Situation): ViewAgent | null {
  if (now === null) return null
  const isSameEntry = held?.id === now.id
  if ((isSameEntry && held.digest === now.digest) || momentOf(now.apply, situation) === 'AT_ONCE') return now
  return isSameEntry ? held : null
}
