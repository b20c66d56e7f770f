import { type Clock } from './clock.js'
import { messageOf } from './errors.js'
import { type Gate, type GateEnding } from './gate.js'
import { type EffectiveEntry } from './slot.js'
import { publicToolName } from './tool-name.js'

/** A row of a status report: what `effective` tells, and for what was withdrawn the calls that were refused since. */
export interface StatusRow extends EffectiveEntry {
  refusedCalls?: number
}

/** One entry that was withdrawn from a session. */
interface Departure {
  row: EffectiveEntry
  ending: GateEnding
  gates: readonly Gate[]
  /** Refused by the adapter, which did not hold the entry any more. */
  refusedElsewhere: number
  withdrawnAtMs: number
  endedAtMs: number | null
}

/** What left a session: for as long as it is still ending, and then for a while, so that receipts can tell of it. */
export interface Departures {
  /**
   * The entry was withdrawn; `gates` are those of every generation of it. It is STOPPING until `endings` have settled,
   * then STOPPED, or SURVIVED when one of them rejects. Resolves when that is known; never rejects.
   */
  add: (row: EffectiveEntry, ending: GateEnding, gates: readonly Gate[], endings: readonly Promise<unknown>[]) => Promise<void>
  /** Ends calls that a DRAIN lets finish, for each entry of which `endsNow` says why nothing may go on. */
  hasten: (endsNow: (entryId: string) => string | null) => void
  /** A call of a withdrawn tool that met no gate. */
  refused: (toolName: string) => void
  /** What is still ending. */
  stopping: () => EffectiveEntry[]
  /** Everything that is to be reported: what is still ending, then what has ended, the newest last. */
  rows: () => StatusRow[]
}

/** Of those that have ended. */
const mostKept = 200
const keptForMs = 10 * 60_000

export function createDepartures(clock: Clock, onChange: () => void): Departures {
  let kept: Departure[] = []
  const prune = () => {
    const isFresh = ({ endedAtMs }: Departure) => endedAtMs === null || clock.nowMs() - endedAtMs < keptForMs
    const surplus = kept.filter(({ endedAtMs }) => endedAtMs !== null).length - mostKept
    const oldest = new Set(kept.filter(({ endedAtMs }) => endedAtMs !== null).slice(0, Math.max(0, surplus)))
    kept = kept.filter((departure) => isFresh(departure) && !oldest.has(departure))
  }
  return {
    add: async (row, ending, gates, endings) => {
      const departure: Departure = {
        row: { ...row, state: 'STOPPING', reason: ending.reason }, ending, gates, refusedElsewhere: 0, withdrawnAtMs: clock.nowMs(), endedAtMs: null,
      }
      kept.push(departure)
      onChange()
      // Without anything that has to end it is over already, and never shows as ending.
      const results = endings.length === 0 ? [] : await Promise.allSettled(endings)
      departure.endedAtMs = clock.nowMs()
      departure.row = { ...departure.row, ...outcomeOf(results, departure, departure.endedAtMs) }
      prune()
      onChange()
    },
    hasten: (endsNow) => {
      for (const departure of kept) {
        const { row, ending, endedAtMs, gates } = departure
        const reason = row.entryId === null || endedAtMs !== null || ending.mode === 'IMMEDIATE' ? null : endsNow(row.entryId)
        if (reason === null) continue
        const sooner: GateEnding = { mode: 'IMMEDIATE', deadlineSeconds: 0, reason }
        Object.assign(departure, { ending: sooner, row: { ...row, reason } })
        for (const gate of gates) void gate.close(sooner)
        onChange()
      }
    },
    refused: (toolName) => {
      const isOf = ({ row }: Departure) => row.kind === 'MCP_SERVER' && toolName.startsWith(publicToolName(row.name, ''))
      // The tools of `a-b` look like tools of `a`; of several of one name the newest.
      const departure = kept.filter(isOf).sort((a, b) => a.row.name.length - b.row.name.length).at(-1)
      if (departure === undefined) return
      departure.refusedElsewhere += 1
      onChange()
    },
    stopping: () => kept.filter(({ endedAtMs }) => endedAtMs === null).map(({ row }) => row),
    rows: () => {
      prune()
      const ending = ({ endedAtMs }: Departure) => (endedAtMs === null ? 0 : 1)
      return [...kept].sort((a, b) => ending(a) - ending(b)).map(({ row, gates, refusedElsewhere }) => (
        { ...row, refusedCalls: gates.reduce((sum, gate) => sum + gate.refused(), refusedElsewhere) }
      ))
    },
  }
}

function outcomeOf(results: PromiseSettledResult<unknown>[], { ending, withdrawnAtMs }: Departure, nowMs: number): Pick<EffectiveEntry, 'state' | 'reason'> {
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) return { state: 'SURVIVED', reason: `${ending.reason}: ${messageOf(failed.reason)}` }
  return { state: 'STOPPED', reason: `${ending.reason}: ended after ${Math.round(nowMs - withdrawnAtMs)} ms` }
}
