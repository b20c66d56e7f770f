import { z } from 'zod'
import { CatalogError } from './errors.js'
import { type AvailabilityStep } from './explain.js'
import { type OwnerRef, type PrincipalRef } from './owner.js'
import { parseInput } from './parse.js'
import { type ProbeTaker } from './probe-taker.js'
import { redactTokens } from './redact.js'

/**
 * PENDING: no worker has taken it. REFUSED: nothing was asked of any server. EXPIRED: nobody answered in time; that is read off the clock and never
 * written, so that no node, no worker and no restart can leave one open.
 */
export const probeStates = ['PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'REFUSED', 'EXPIRED'] as const
export type ProbeState = (typeof probeStates)[number]

/** Why a probe did not succeed, and what to do about it beyond what its reason says. */
export const probeMends = {
  UNAVAILABLE: 'Take what the reason names out of the way: the entry is not in the set of this owner.',
  NO_WORKER: 'Start a worker whose token serves this owner and that takes probes, or name another one.',
  WITHDRAWN: 'Ask why it was withdrawn; probe again once it is back.',
  WORKER_REFUSED: 'Look at the reason, which is the worker\'s own; name another worker, or let its operator change its configuration.',
  NOT_CONNECTED: 'Look at the reason; correct the definition or its secrets, or wait until the server is there again.',
  TIMED_OUT: 'Probe again with more seconds (at most 120), or find out why the server does not come up.',
  SURVIVED: 'Let the worker\'s operator end what is left of the server.',
  FAILED: 'Probe again; if it stays so, let the worker\'s operator look at its log.',
  NOT_TAKEN: 'Its workers are busy or gone: try again in a moment.',
  NO_ANSWER: 'See whether the worker still runs, and probe again.',
} as const
export type ProbeCode = keyof typeof probeMends
/** Those that a worker may report. */
export const reportedCodes = ['WITHDRAWN', 'WORKER_REFUSED', 'NOT_CONNECTED', 'TIMED_OUT', 'SURVIVED', 'FAILED'] as const satisfies ProbeCode[]

export interface ProbedTool {
  name: string
  title: string | null
  /** Hidden characters visible, cut to `probeLimits.textCharacters`. */
  description: string
}

/** What a server was found to offer the session of this owner. */
export interface ProbedInventory {
  tools: ProbedTool[]
  /** Of all of them; `tools` has the first `probeLimits.tools`. */
  toolCount: number
  /** Names of those that are there and withheld: their definitions are not the accepted ones (S10). */
  toolsHeld: string[]
  /** null: it could not be listed. */
  promptCount: number | null
  resourceCount: number | null
}

export interface ProbeOutcome {
  succeeded: boolean
  code: ProbeCode | null
  reason: string | null
  inventory: ProbedInventory | null
  /** Of the entry that was tried. */
  revision: number | null
}

export interface Probe {
  id: string
  entryId: string
  /** As they were when it was asked for. */
  entryName: string
  revision: number
  owner: OwnerRef
  requestedBy: PrincipalRef
  requestedAt: Date
  /** A worker ends it by then. */
  deadlineAt: Date
  /** The only one that may take it; null: any. */
  askedWorkerId: string | null
  /** Of the catalog when it was asked for: whoever takes it goes no further back. */
  cursor: string
  state: ProbeState
  taker: ProbeTaker | null
  takenAt: Date | null
  finishedAt: Date | null
  code: ProbeCode | null
  reason: string | null
  inventory: ProbedInventory | null
}

export const probeLimits = {
  defaultSeconds: 30,
  /** Less than this no real server needs. */
  leastSeconds: 1,
  mostSeconds: 120,
  /** Of one person that wait or run. */
  openOfOne: 5,
  /** Kept of one entry and owner, and for how long. */
  kept: 20,
  keptForMs: 7 * 24 * 3_600_000,
  tools: 512,
  nameCharacters: 200,
  textCharacters: 1_000,
  /** Of all descriptions together. */
  allCharacters: 200_000,
  reasonCharacters: 1_000,
}

/** A worker has so long after the deadline to end what it began, and to say what came of it. */
export const probeAnswerMs = 10_000

/** The probe as it is at this moment. */
export function probeAt(probe: Probe, now: Date): Probe {
  const { state, deadlineAt, taker } = probe
  if (state === 'PENDING' && now >= deadlineAt) {
    return { ...probe, state: 'EXPIRED', code: 'NOT_TAKEN', reason: 'No worker took it in time.', finishedAt: deadlineAt }
  }
  const lastAnswerAt = new Date(deadlineAt.getTime() + probeAnswerMs)
  if (state !== 'RUNNING' || now < lastAnswerAt) return probe
  return { ...probe, state: 'EXPIRED', code: 'NO_ANSWER', reason: `The worker ${taker?.workerId} took it, and did not answer in time.`, finishedAt: lastAnswerAt }
}

/** For the worker that takes it: at least 1, and never more than were asked for, however much the clocks of two nodes differ. */
export function secondsLeft({ requestedAt, deadlineAt }: Probe, now: Date): number {
  return Math.max(1, Math.floor((deadlineAt.getTime() - Math.max(now.getTime(), requestedAt.getTime())) / 1_000))
}

/** @throws CatalogError INVALID_INPUT */
export function parseProbeSeconds(seconds: number | null | undefined): number {
  const { leastSeconds, mostSeconds, defaultSeconds } = probeLimits
  const whole = z.number().int('must be a whole number').min(leastSeconds, `must be at least ${leastSeconds}`).max(mostSeconds, `must be at most ${mostSeconds}`)
  return parseInput(whole, seconds ?? defaultSeconds, 'seconds')
}

/** Why an entry is not in an owner's set, in the words of `explainAvailability`. */
export function unavailableReason(steps: readonly AvailabilityStep[]): string {
  // What a session needs besides, or has, is no reason to be left out.
  const barring = steps.filter(({ check, passed }) => !passed && !['secrets', 'mcpServers', 'other', 'workers'].includes(check))
  return barring.map(({ reason }) => reason).join(' ') || 'It is not in the set of this owner.'
}

/** What a model reads without seeing it is shown; line ends in between stay, for people to read. */
const hidden = /(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu
const shown = (text: string) => redactTokens(text.toWellFormed().replaceAll(hidden, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`))
/** Cut before it is searched, so that a huge text costs no more than a large one, and again since what is shown is longer. */
const said = (most: number) => z.string().transform((text) => shown(text.slice(0, 4 * most)).slice(0, most).toWellFormed())
const name = said(probeLimits.nameCharacters)
const count = z.number().int('must be a whole number').min(0, 'must be at least 0').max(2_147_483_647, 'is too large')

const outcomeSchema = z.object({
  succeeded: z.boolean(),
  code: z.enum(reportedCodes).nullish(),
  reason: said(probeLimits.reasonCharacters).nullish(),
  revision: count.nullish(),
  inventory: z.object({
    toolCount: count, promptCount: count.nullish().transform((given) => given ?? null), resourceCount: count.nullish().transform((given) => given ?? null),
    tools: z.array(z.object({
      name, title: name.nullish().transform((title) => title ?? null),
      description: said(probeLimits.textCharacters).nullish().transform((text) => text ?? ''),
    })).transform((tools) => {
      const told = tools.slice(0, probeLimits.tools)
      return told.map((tool) => ({ ...tool, description: tool.description.slice(0, Math.floor(probeLimits.allCharacters / told.length)).toWellFormed() }))
    }),
    toolsHeld: z.array(name).transform((names) => names.slice(0, probeLimits.tools)),
  }).nullish(),
})

export interface ProbeOutcomeInput {
  succeeded: boolean
  code?: (typeof reportedCodes)[number] | null
  reason?: string | null
  revision?: number | null
  inventory?: {
    tools: Array<{ name: string; title?: string | null; description?: string | null }>
    toolCount: number
    toolsHeld: string[]
    promptCount?: number | null
    resourceCount?: number | null
  } | null
}

/**
 * What a worker says came of it, as it may be stored: what a server said is made harmless and cut, never refused.
 * @throws CatalogError INVALID_INPUT; LIMIT_EXCEEDED for more tools than any server may have
 */
export function parseOutcome(input: ProbeOutcomeInput): ProbeOutcome {
  const listed = Math.max(input.inventory?.tools.length ?? 0, input.inventory?.toolsHeld.length ?? 0)
  if (listed > 4 * probeLimits.tools) {
    throw new CatalogError('LIMIT_EXCEEDED', `There are ${listed} tools, and ${probeLimits.tools} are kept.`, { field: 'inventory.tools', mend: `Send the first ${probeLimits.tools}, and the number of all.` })
  }
  const { succeeded, code, reason, revision, inventory } = parseInput(outcomeSchema, input, '')
  return {
    succeeded, revision: revision ?? null, inventory: succeeded ? inventory ?? null : null,
    code: succeeded ? null : code ?? 'FAILED', reason: reason ?? null,
  }
}
