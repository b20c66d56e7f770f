import { useNow } from './use-now.js'

const units: ReadonlyArray<[unit: Intl.RelativeTimeFormatUnit, seconds: number]> = [
  ['year', 31_536_000], ['month', 2_592_000], ['day', 86_400], ['hour', 3_600], ['minute', 60],
]
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'full', timeStyle: 'long' })

/** "3 minutes ago"; times less than a minute away are "now" or "in less than a minute". */
export function relativeText(at: Date, now: number): string {
  const seconds = Math.round((at.getTime() - now) / 1000)
  const found = units.find(([, size]) => Math.abs(seconds) >= size)
  if (found === undefined) return seconds > 5 ? 'in less than a minute' : 'just now'
  return relative.format(Math.trunc(seconds / found[1]), found[0])
}

/** How long ago, and exactly when on hover. */
export function RelativeTime({ at }: { at: string }) {
  const now = useNow()
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return <>unknown</>
  return <time dateTime={at} title={exact.format(date)}>{relativeText(date, now)}</time>
}
