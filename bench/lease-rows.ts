import { type Aim, type Row, type Table } from './rows.js'
import { medianOf, type ResultOf, type Run } from './samples.js'

/** A lease beside a query of the same worker that reads next to nothing. */
export function leaseTable({ samples }: Run): Table | null {
  const of = (pick: (result: ResultOf<'LEASE'>) => number | null) => medianOf(samples, 'LEASE', { target: 'OURS', sockets: null, groups: null }, pick)
  const line = (what: string, ours: number | null, a: number | null = null, aims: Aim[] = []): Row => ({ what, unit: 'ms', a, b: null, ours, aims })
  const p50 = of(({ one }) => one.p50)
  if (p50 === null) return null
  const count = of(({ many }) => many.count)!.toLocaleString('en-GB')
  return {
    title: 'A lease of one secret, until answered', a: 'a small query', b: '',
    rows: [
      line('one after the other, p50', p50, of(({ query }) => query.p50), [{ against: '5 ms', other: 5, bound: 'AT_MOST', limit: 1 }]),
      line('the same, p99', of(({ one }) => one.p99), of(({ query }) => query.p99)),
      line(`${count} at once, p50`, of(({ many }) => many.p50)),
      line('the same, all of them', of(({ allMs }) => allMs)),
    ],
  }
}
