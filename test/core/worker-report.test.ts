import { describe, expect, it } from 'vitest'
import { type AppliedEntryInput, parseReport, type ReportInput, reportLimits } from '../../src/core/worker-report.js'

const entry: AppliedEntryInput = { name: 'a', kind: 'MCP_SERVER', origin: 'catalog', state: 'APPLIED' }
const session = { id: 's', owner: null, entries: [entry] }
const good: ReportInput<null> = { workerId: 'w', processId: 'p', number: 0, full: true, sessions: [session] }
const withEntry = (more: Partial<AppliedEntryInput>): ReportInput<null> => ({ ...good, sessions: [{ ...session, entries: [{ ...entry, ...more }] }] })
const parsedEntry = (more: Partial<AppliedEntryInput>) => parseReport(withEntry(more)).sessions[0]!.entries[0]!
const many = <Item>(count: number, item: (at: number) => Item) => Array.from({ length: count }, (_, at) => item(at))

describe('a report', () => {
  it('is taken with everything left out that may be', () => {
    expect(parseReport(good)).toEqual({
      workerId: 'w', processId: 'p', number: 0, full: true, closedSessions: [],
      sessions: [{ id: 's', agent: null, cursor: null, entries: [{ ...entry, entryId: null, revision: null, reason: null, refusedCalls: null }] }],
    })
  })

  it('is taken at its bounds', () => {
    const sessions = many(reportLimits.sessions, (at) => ({ ...session, id: `s${at}`, entries: [] }))
    expect(parseReport({ ...good, sessions }).sessions).toHaveLength(reportLimits.sessions)
    const entries = many(reportLimits.entries, () => entry)
    expect(parseReport({ ...good, sessions: [{ ...session, entries }] }).sessions[0]!.entries).toHaveLength(reportLimits.entries)
  })
})

describe('S21: a hostile report is refused', () => {
  it.each<[string, ReportInput<null>, string, string]>([
    ['no worker id', { ...good, workerId: '' }, 'INVALID_INPUT', 'workerId'],
    ['a long worker id', { ...good, workerId: 'w'.repeat(201) }, 'INVALID_INPUT', 'workerId'],
    ['a NUL in the worker id', { ...good, workerId: 'w\0' }, 'INVALID_INPUT', 'workerId'],
    ['a colour in the process id', { ...good, processId: '\u001b[31mp' }, 'INVALID_INPUT', 'processId'],
    ['a negative number', { ...good, number: -1 }, 'INVALID_INPUT', 'number'],
    ['a number beyond Postgres\' integers', { ...good, number: 2 ** 31 }, 'INVALID_INPUT', 'number'],
    ['half a character in a session id', { ...good, sessions: [{ ...session, id: 'a\ud800' }] }, 'INVALID_INPUT', 'sessions.0.id'],
    ['a line end in a session id', { ...good, sessions: [{ ...session, id: 'a\nb' }] }, 'INVALID_INPUT', 'sessions.0.id'],
    ['a NUL in a closed session', { ...good, closedSessions: ['\0'] }, 'INVALID_INPUT', 'closedSessions.0'],
    ['a session twice', { ...good, sessions: [session, session] }, 'INVALID_INPUT', 'sessions.1.id'],
    ['a session that is closed too', { ...good, closedSessions: ['s'] }, 'INVALID_INPUT', 'sessions.0.id'],
    ['an agent of two lines', { ...good, sessions: [{ ...session, agent: 'a\u2028b' }] }, 'INVALID_INPUT', 'sessions.0.agent'],
    ['something that is no cursor', { ...good, sessions: [{ ...session, cursor: "'; drop table worker" }] }, 'INVALID_INPUT', 'sessions.0.cursor'],
    ['an entry without a name', withEntry({ name: '' }), 'INVALID_INPUT', 'sessions.0.entries.0.name'],
    ['a name of nothing that shows', withEntry({ name: '\u200b\u202e\0' }), 'INVALID_INPUT', 'sessions.0.entries.0.name'],
    ['a revision 0', withEntry({ revision: 0 }), 'INVALID_INPUT', 'sessions.0.entries.0.revision'],
    ['calls below 0', withEntry({ refusedCalls: -1 }), 'INVALID_INPUT', 'sessions.0.entries.0.refusedCalls'],
    ['a NUL in an entry id', withEntry({ entryId: '\0' }), 'INVALID_INPUT', 'sessions.0.entries.0.entryId'],
    ['too many sessions', { ...good, sessions: many(2_001, (at) => ({ ...session, id: `s${at}` })) }, 'LIMIT_EXCEEDED', 'sessions'],
    ['too many closed sessions', { ...good, closedSessions: many(2_001, (at) => `c${at}`) }, 'LIMIT_EXCEEDED', 'closedSessions'],
    ['too many entries', { ...good, sessions: [session, { ...session, id: 't', entries: many(501, () => entry) }] }, 'LIMIT_EXCEEDED', 'sessions.1.entries'],
  ])('%s', (_, report, code, field) => {
    expect(() => parseReport(report)).toThrow(expect.objectContaining({ code, details: expect.objectContaining({ field, mend: expect.any(String) as string }) as object }) as Error)
  })
})

describe('what files and upstreams say', () => {
  it.each([
    ['line ends', 'one\r\ntwo\u2028three', 'one two three'], ['colours', '\u001b[31mred\u001b[0m', '[31mred [0m'], ['a NUL', 'a\0b', 'a b'],
    ['text turned round', 'a\u202Eb', 'a b'], ['invisible tags', 'a\u{E0041}b', 'a b'], ['half a character', 'a\ud800', 'a\ufffd'],
    ['a token', `refused: phw_${'x'.repeat(43)}`, 'refused: [redacted]'], ['markup, which is text', '<b>x</b>', '<b>x</b>'],
  ])('S7 S14: %s is made harmless, and keeps nobody from reporting', (_, text, expected) => {
    expect(parsedEntry({ reason: text }).reason).toBe(expected)
    expect(parsedEntry({ origin: text }).origin).toBe(expected)
    expect(parsedEntry({ name: text }).name).toBe(expected)
  })

  it('is cut', () => {
    const { name, origin, reason } = parsedEntry({ name: 'n'.repeat(9_999), origin: 'o'.repeat(9_999), reason: `${'r'.repeat(499)}\u{1F600}` })
    expect([name.length, origin.length, reason]).toEqual([200, 500, `${'r'.repeat(499)}\ufffd`])
    expect(parsedEntry({ reason: ' \n ' }).reason).toBeNull()
  })
})
