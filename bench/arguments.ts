import { parseArgs } from 'node:util'
import { type TargetName, targetNames } from './targets.js'

export const measures = ['latency', 'throughput', 'storm', 'mutations', 'memory', 'snapshot', 'groups', 'offered', 'refused', 'evaluation', 'simulation', 'seal', 'lease'] as const
export type Measure = (typeof measures)[number]

/** Those that need no subscribers. */
export const withoutSockets: readonly Measure[] = ['snapshot', 'offered', 'refused', 'evaluation', 'simulation', 'seal', 'lease']

export interface Options {
  only: Measure[]
  /** Numbers of subscribers. */
  sockets: number[]
  rounds: number
  /** Users whom the sockets are spread over. */
  groups: number
  targets: TargetName[]
  isQuick: boolean
  /** Where the raw results go; null: nowhere. */
  out: string | null
  /** Raw results of an earlier run: only their tables are printed. */
  markdown: string | null
  databaseUrl: string | null
  /** Folder for CPU profiles of the service; null: none are made. */
  profile: string | null
}

export const usage = `npm run bench -- [options]

  --only LIST          of ${measures.join(',')} (all)
  --n LIST             numbers of subscribers (1,1000,10000)
  --rounds N           each target once in every round; medians count (3)
  --groups N           users whom the sockets are spread over (10)
  --targets LIST       of A,B,ours (all)
  --quick              a small run of a minute or two that proves that everything works
  --out FILE           raw results, as JSON
  --markdown FILE      measures nothing: prints the tables of a file that --out wrote
  --database-url URL   a Postgres on which databases may be made (an embedded one, with default durability)
  --profile FOLDER     profiles the server while it is measured; the numbers are worth nothing then
`

/** A mistake in how the bench was called. */
export class UsageError extends Error {}

export function readArguments(args: string[]): Options {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args,
    options: {
      'only': text, 'n': text, 'rounds': text, 'groups': text, 'targets': text, 'quick': { type: 'boolean', default: false }, 'out': text,
      'markdown': text, 'database-url': text, 'profile': text,
    },
  })
  const isQuick = values.quick
  return {
    only: listOf('only', values.only ?? measures.join(','), measures),
    sockets: (values.n ?? (isQuick ? '50' : '1,1000,10000')).split(',').map((each) => wholeNumber('n', each)).sort((a, b) => a - b),
    rounds: wholeNumber('rounds', values.rounds ?? (isQuick ? '1' : '3')),
    groups: wholeNumber('groups', values.groups ?? '10'),
    targets: listOf('targets', (values.targets ?? 'A,B,ours').toUpperCase(), targetNames),
    isQuick, out: values.out ?? null, markdown: values.markdown ?? null, databaseUrl: values['database-url'] ?? null, profile: values.profile ?? null,
  }
}

function listOf<Item extends string>(option: string, text: string, known: readonly Item[]): Item[] {
  const items = text.split(',')
  const unknown = items.filter((item) => !known.some((each) => each === item))
  if (unknown.length > 0) throw new UsageError(`--${option}: ${unknown.join(', ')} is none of ${known.join(', ')}`)
  return known.filter((each) => items.includes(each))
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1) throw new UsageError(`--${option}: ${text} is no whole number above zero`)
  return number
}
