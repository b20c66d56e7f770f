import { describe, expect, it } from 'vitest'
import { agentInForce, type Moment, momentOf, type Situation, situationOf } from '../../src/worker/moment.js'
import { type ViewAgent } from '../../src/worker/view.js'
import { type ApplyMoment } from '../../src/core/entry.js'

/** Every cell, as domain.md has it: rows are what the entry says, columns where the session stands. */
const table: Record<ApplyMoment, Record<Situation, Moment>> = {
  NOW: { OPENING: 'AT_ONCE', OPENING_IN_TURN: 'AT_ONCE', IDLE: 'AT_ONCE', IN_TURN: 'AT_ONCE' },
  NEXT_TURN: { OPENING: 'AT_ONCE', OPENING_IN_TURN: 'TURN_END', IDLE: 'AT_ONCE', IN_TURN: 'TURN_END' },
  NEXT_SESSION: { OPENING: 'AT_ONCE', OPENING_IN_TURN: 'TURN_END', IDLE: 'NEXT_SESSION', IN_TURN: 'NEXT_SESSION' },
}

describe('when an entry that is new or changed may start', () => {
  it.each(Object.entries(table).flatMap(([apply, row]) => Object.entries(row).map(([situation, moment]) => [apply, situation, moment] as const)))(
    '%s, %s: %s', (apply, situation, moment) => { expect(momentOf(apply as ApplyMoment, situation as Situation)).toBe(moment) },
  )

  it.each<[boolean, number, Situation]>([
    [false, 0, 'OPENING'], [false, 2, 'OPENING_IN_TURN'], [true, 0, 'IDLE'], [true, 1, 'IN_TURN'],
  ])('warm: %s, turns: %s: %s', (isWarm, turns, situation) => { expect(situationOf(isWarm, turns)).toBe(situation) })
})

describe('the agent whose grants count', () => {
  const agent = (id: string, digest: string, apply: ApplyMoment = 'NEXT_TURN') => ({ kind: 'AGENT', id, name: 'a', digest, apply, revision: 1 }) as ViewAgent

  it.each<[string, ViewAgent | null, ViewAgent | null, Situation, 'held' | 'now' | null]>([
    ['none', null, null, 'IDLE', null],
    ['gone, in a turn', agent('1', 'd1'), null, 'IN_TURN', null],
    ['new, idle', null, agent('1', 'd1'), 'IDLE', 'now'],
    ['new, in a turn', null, agent('1', 'd1'), 'IN_TURN', null],
    ['new, in a turn, NOW', null, agent('1', 'd1', 'NOW'), 'IN_TURN', 'now'],
    ['the same', agent('1', 'd1'), agent('1', 'd1'), 'IN_TURN', 'now'],
    ['changed, in a turn', agent('1', 'd1'), agent('1', 'd2'), 'IN_TURN', 'held'],
    ['changed, in a turn, NOW', agent('1', 'd1'), agent('1', 'd2', 'NOW'), 'IN_TURN', 'now'],
    ['changed for the next session', agent('1', 'd1'), agent('1', 'd2', 'NEXT_SESSION'), 'IDLE', 'held'],
    ['another one under the name, in a turn', agent('1', 'd1'), agent('2', 'd2'), 'IN_TURN', null],
  ])('%s', (_, held, now, situation, expected) => {
    expect(agentInForce(held, now, situation)).toBe(expected === null ? null : expected === 'held' ? held : now)
  })
})
