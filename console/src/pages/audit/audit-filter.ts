import { cliLine } from '../../data/cli-line.js'
import { type AuditChainName, type AuditOutcome } from '../../generated/graphql.js'

/** The parts of the filter, as in the path and the CLI. */
export const filterNames = ['actor', 'about', 'action', 'outcome', 'since', 'until'] as const
export type FilterName = (typeof filterNames)[number]
/** '' for what is not filtered by; `since` and `until` are days as the viewer counts them. */
export type AuditFilter = Record<FilterName, string> & { chain: AuditChainName }

const outcomes: readonly AuditOutcome[] = ['OK', 'DENIED', 'BREAK_GLASS']

export function filterOf(params: URLSearchParams): AuditFilter {
  const given = (name: FilterName) => params.get(name)?.trim() ?? ''
  return {
    chain: params.get('chain') === 'access' ? 'ACCESS' : 'CHANGES', actor: given('actor'), about: given('about'), action: given('action'), outcome: given('outcome'), since: given('since'), until: given('until'),
  }
}

/** What the API is asked for. */
export function variablesOf({ chain, actor, about, action, outcome, since, until }: AuditFilter) {
  return {
    chain, actor: actor || null, about: about || null, action: action || null, outcome: outcomes.find((one) => one === outcome) ?? null,
    // The last day counts too.
    since: dayBegin(since, 0), until: dayBegin(until, 1),
  }
}

/** When a day begins where the viewer is, or one so many days later; null for what is no day. */
function dayBegin(day: string, later: number): string | null {
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day) ?? []
  if (year === undefined) return null
  const begin = new Date(Number(year), Number(month) - 1, Number(date) + later)
  return Number.isNaN(begin.getTime()) ? null : begin.toISOString()
}

export function cliLineOf(filter: AuditFilter): string {
  const { chain, ...asked } = variablesOf(filter)
  return cliLine('audit list', [], { chain: chain === 'ACCESS' ? 'access' : undefined, ...Object.fromEntries(Object.entries(asked).map(([name, value]) => [name, value ?? undefined])) })
}
