import { accessWords, type ChainName, changeWords } from '../core/audit-words.js'
import { invalid } from '../core/errors.js'

/** What an action is asked for by: itself, or every one of its group. A group that there is not is asked for as it stands, and nothing matches. */
export function actionsOf(chain: ChainName, action: string | null | undefined): string[] | null {
  if (!action) return null
  const group = /^([A-Za-z]+)\.\*$/.exec(action)?.[1]
  if (group === undefined) return [action]
  const known = Object.keys(chain === 'changes' ? changeWords : accessWords).filter((one) => one.startsWith(`${group}.`))
  return known.length === 0 ? [action] : known
}

const isoForm = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/

/** In UTC; beyond, a year has no four digits, or none that Postgres reads. */
const [earliest, tooLate] = [Date.parse('0001-01-01'), Date.UTC(10_000)]

/** Dates that no month has would be taken for days of the next one. */
const isDay = (text: string) => !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text)

/**
 * A moment as an input gives it: a day (its beginning in UTC), or a day and a time with its zone.
 * @throws CatalogError INVALID_INPUT
 */
export function momentOf(value: unknown, field: string): Date | null {
  if (value === null || value === undefined) return null
  const moment = typeof value === 'string' && isoForm.test(value) && isDay(value.slice(0, 10)) ? new Date(value) : null
  if (moment !== null && moment.getTime() >= earliest && moment.getTime() < tooLate) return moment
  throw invalid(field, 'This is no moment.', 'Give a day such as 2030-01-31, or a day and a time with its zone such as 2030-01-31T18:00:00Z.')
}
