import { describe, expect, it } from 'vitest'
import { parseOutcome, parseProbeSeconds, type Probe, probeAnswerMs, probeAt, probeLimits, secondsLeft, unavailableReason } from '../../src/core/probe.js'
import { isTaker, parseTaker } from '../../src/core/probe-taker.js'

const at = (ms: number) => new Date(1_000_000 + ms)
const taker = { tokenId: 't', workerId: 'w1', processId: 'p' }
const probe = (changes: Partial<Probe>): Probe => ({
  id: 'prb_1', entryId: 'srv_1', entryName: 'calc', revision: 1, owner: { kind: 'USER', id: 'u' }, requestedBy: { kind: 'USER', id: 'u' }, requestedAt: at(0), deadlineAt: at(30_000), askedWorkerId: null,
  cursor: 'c', state: 'PENDING', taker: null, takenAt: null, finishedAt: null, code: null, reason: null, inventory: null, ...changes,
})
const done = { finishedAt: at(5), taker, takenAt: at(1) }

describe('S17: a probe at a moment', () => {
  it.each<[string, Partial<Probe>, number, Partial<Probe>]>([
    ['waits until its deadline', {}, 29_999, { state: 'PENDING', code: null }],
    ['is over then if nobody has taken it', {}, 30_000, { state: 'EXPIRED', code: 'NOT_TAKEN', finishedAt: at(30_000) }],
    ['runs on while its answer may still come', { state: 'RUNNING', taker }, 30_000 + probeAnswerMs - 1, { state: 'RUNNING', code: null }],
    ['is over then, and names who has it', { state: 'RUNNING', taker }, 30_000 + probeAnswerMs, { state: 'EXPIRED', code: 'NO_ANSWER', reason: 'The worker w1 took it, and did not answer in time.', finishedAt: at(30_000 + probeAnswerMs) }],
    ['stays what it was, succeeded', { state: 'SUCCEEDED', ...done }, 1e9, { state: 'SUCCEEDED', finishedAt: at(5) }],
    ['... failed', { state: 'FAILED', code: 'TIMED_OUT', ...done }, 1e9, { state: 'FAILED', code: 'TIMED_OUT' }],
    ['... refused', { state: 'REFUSED', code: 'UNAVAILABLE', ...done }, 1e9, { state: 'REFUSED', code: 'UNAVAILABLE' }],
  ])('%s', (_, changes, ms, expected) => { expect(probeAt(probe(changes), at(ms))).toMatchObject(expected) })
})

describe('S17: the seconds for whoever takes a probe', () => {
  it.each([['at once', 0, 30], ['later', 12_500, 17], ['in the last moment', 29_999, 1], ['by a node whose clock is ahead', 90_000, 1], ['by one whose clock is behind: no more than were asked for', -90_000, 30]])('%s', (_, ms, expected) => {
    expect(secondsLeft(probe({}), at(ms))).toBe(expected)
  })
})

describe('who took a probe', () => {
  it.each([
    ['itself', {}, true], ['another token', { tokenId: 'x' }, false], ['another worker', { workerId: 'w2' }, false], ['another start of it', { processId: 'q' }, false],
  ])('%s', (_, changes, expected) => { expect(isTaker(probe({ state: 'RUNNING', taker }), { ...taker, ...changes })).toBe(expected) })
  it('nobody', () => { expect(isTaker(probe({}), taker)).toBe(false) })
  it.each([['', 'p'], ['w', ''], ['w\u0000', 'p'], ['w', 'p\n'], ['w'.repeat(201), 'p']])('%j and %j are no ids', (workerId, processId) => {
    expect(() => parseTaker('t', { workerId, processId })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }) as Error)
  })
})

it('takes seconds within its bounds, and thirty where none are given', () => {
  expect([undefined, null, 1, 120].map(parseProbeSeconds)).toEqual([30, 30, 1, 120])
  for (const seconds of [0, -1, 121, 1.5, NaN, Infinity]) expect(() => parseProbeSeconds(seconds)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }) as Error)
})

describe('S7, S14: what a worker tells of a server', () => {
  const inventory = (tools: Array<{ name: string; title?: string; description?: string }>, toolsHeld: string[] = []) => ({ succeeded: true, inventory: { tools, toolCount: tools.length, toolsHeld, promptCount: 1 } })
  const seen = (description: string) => parseOutcome(inventory([{ name: 'add', description }])).inventory!.tools[0]!.description

  it.each([
    ['a hidden character', 'adds\u200b', 'adds\\u{200b}'], ['text turned round', '\u202eadds', '\\u{202e}adds'], ['an escape of a terminal', 'a\u001b[2J', 'a\\u{1b}[2J'],
    ['a NUL, which no database holds', 'a\u0000b', 'a\\u{0}b'], ['half a character', 'a\ud800', 'a\ufffd'], ['lines', 'a\nb', 'a\nb'],
    ['what looks like a token', 'Bearer abc123DEF456', 'Bearer [redacted]'], ['a password in an address', 'https://me:pw@host/', 'https://[redacted]@host/'],
  ])('%s is shown or taken out', (_, given, expected) => { expect(seen(given)).toBe(expected) })

  it('is cut and counted, and never refused for its texts', () => {
    expect(seen('\u200b'.repeat(100_000)).length).toBeLessThanOrEqual(probeLimits.textCharacters)
    const many = parseOutcome(inventory(Array.from({ length: 600 }, (_, each) => ({ name: `t${each}`.repeat(200) })), ['h\u200b']))
    expect([many.inventory!.tools.length, many.inventory!.toolCount, many.inventory!.tools[0]!.name.length, many.inventory!.toolsHeld, many.inventory!.resourceCount]).toEqual([probeLimits.tools, 600, probeLimits.nameCharacters, ['h\\u{200b}'], null])
    expect(() => parseOutcome(inventory(Array.from({ length: 3_000 }, () => ({ name: 't' }))))).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }) as Error)
    expect(() => parseOutcome({ succeeded: true, inventory: { tools: [], toolCount: -1, toolsHeld: [] } })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }) as Error)
  })

  it('of one that failed is a code and a reason, and no inventory', () => {
    expect(parseOutcome({ ...inventory([{ name: 'add' }]), succeeded: false, reason: 'password=hunter2X!' })).toEqual({ succeeded: false, code: 'FAILED', reason: 'password=[redacted]', revision: null, inventory: null })
    expect(parseOutcome({ succeeded: true, code: 'TIMED_OUT' })).toMatchObject({ succeeded: true, code: null })
  })
})

it('tells why an entry is not in a set, and nothing of what a session would lack besides', () => {
  const step = (check: string, passed: boolean, reason: string) => ({ check, passed, reason })
  expect(unavailableReason([step('entry', true, 'E'), step('policy', false, 'P.'), step('approval', false, 'A.'), step('secrets', false, 'S.'), step('other', false, 'O.'), step('workers', false, 'W.')])).toBe('P. A.')
  expect(unavailableReason([step('entry', true, 'E')])).toBe('It is not in the set of this owner.')
})

it('S21: what a worker reports is bounded as a whole, whatever it sends', () => {
  const text = '\u200b'.repeat(5_000)
  const tools = Array.from({ length: 2_000 }, (_, at) => ({ name: `${at}${text}`, title: text, description: `\u{1f600}${text}` }))
  const { inventory } = parseOutcome({ succeeded: true, inventory: { tools, toolCount: 2_000, toolsHeld: tools.map(({ name }) => name) } })
  expect(inventory!.tools.length).toBe(probeLimits.tools)
  expect(inventory!.tools.every(({ description }) => description.isWellFormed())).toBe(true)
  expect(inventory!.tools.reduce((sum, { description }) => sum + description.length, 0)).toBeLessThanOrEqual(probeLimits.allCharacters)
  expect(JSON.stringify(inventory).length).toBeLessThan(700_000)
})
