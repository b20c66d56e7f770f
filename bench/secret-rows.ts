import { type Table } from './rows.js'
import { medianOf, type ResultOf, type Run } from './samples.js'

/** What the envelope costs; a lease pays it for each value. */
export function sealTable({ samples }: Run): Table | null {
  const of = (pick: (result: ResultOf<'SEAL'>) => number | null | undefined) => medianOf(samples, 'SEAL', { target: 'OURS', sockets: null, groups: null }, pick)
  const sizes = [...new Set(samples.flatMap(({ result }) => result.kind === 'SEAL' ? result.bySize.map(({ bytes }) => bytes) : []))]
  if (sizes.length === 0) return null
  const sized = (bytes: number) => (result: ResultOf<'SEAL'>) => result.bySize.find((one) => one.bytes === bytes)?.both
  return {
    title: 'A secret, sealed and opened', a: '', b: '',
    rows: sizes.flatMap((bytes, at) => [
      {
        what: `a value of ${bytes.toLocaleString('en-GB')} bytes, p50`, unit: 'us' as const, a: null, b: null, ours: of((result) => sized(bytes)(result)?.p50),
        // A token; what is a thousand times as large may take longer.
        aims: at === 0 ? [{ against: '100 µs', other: 100, bound: 'AT_MOST' as const, limit: 1 }] : [],
      },
      { what: 'the same, p95', unit: 'us' as const, a: null, b: null, ours: of((result) => sized(bytes)(result)?.p95), aims: [] },
    ]),
  }
}
