import { leaseTable } from './lease-rows.js'
import { sealTable } from './secret-rows.js'
import { medianOf, type Result, type ResultOf, type Run } from './samples.js'
import { type TargetName } from './targets.js'

export type Unit = 'ms' | '/s' | 'us' | 'B' | 'MB'

/** Three numbers beside each other; null: not measured. */
export interface Numbers {
  a: number | null
  b: number | null
  ours: number | null
}

/** Ours against another number of the same run. */
export interface Aim {
  against: string
  other: number | null
  bound: 'AT_MOST' | 'AT_LEAST'
  limit: number
}

export interface Row extends Numbers {
  what: string
  unit: Unit
  aims: Aim[]
}

export interface Table {
  title: string
  /** What stands in the columns of the others. */
  a: string
  b: string
  rows: Row[]
}

const counted = (value: number) => value.toLocaleString('en-GB')
const atMost = (limit: number, against: string, other: number | null): Aim => ({ against, other, bound: 'AT_MOST', limit })
const atLeast = (limit: number, against: string, other: number | null): Aim => ({ against, other, bound: 'AT_LEAST', limit })
const row = (what: string, unit: Unit, numbers: Numbers, aims: Aim[] = []): Row => ({ what, unit, ...numbers, aims })

type Read = <Kind extends Result['kind']>(
  kind: Kind, sockets: number | null, groups: number | null, pick: (result: ResultOf<Kind>) => number | null | undefined,
) => Numbers

function readerOf({ samples }: Run): Read {
  return (kind, sockets, groups, pick) => {
    const of = (target: TargetName) => medianOf(samples, kind, { target, sockets, groups }, pick)
    return { a: of('A'), b: of('B'), ours: of('OURS') }
  }
}

const countsOf = <Key extends 'sockets' | 'groups'>({ samples }: Run, key: Key, kind: Result['kind']) => (
  [...new Set(samples.filter(({ result }) => result.kind === kind).map((sample) => sample[key]))].sort((x, y) => x - y)
)

/** Time to all, against A, by the number of subscribers. */
const propagationLimits = new Map([[1, 2], [1_000, 1.5], [10_000, 1.25]])

function latencyRows(run: Run, read: Read): Row[] {
  const alone = read('LATENCY', 1, run.groups, ({ answer }) => answer.p50)
  return countsOf(run, 'sockets', 'LATENCY').flatMap((sockets) => {
    const at = `${counted(sockets)} subscribed`
    const all = read('LATENCY', sockets, run.groups, (result) => result.all.p50)
    if (all.ours === null && all.a === null) return []
    const limit = propagationLimits.get(sockets)
    const answer = read('LATENCY', sockets, run.groups, (result) => result.answer.p50)
    return [
      row(`mutation sent until all have it, ${at}, p50`, 'ms', all, limit === undefined ? [] : [atMost(limit, 'A', all.a)]),
      row(`the same, p99`, 'ms', read('LATENCY', sockets, run.groups, (result) => result.all.p99)),
      row(`mutation sent until answered, ${at}, p50`, 'ms', answer, sockets < 10_000 ? [] : [atMost(5, 'ours with 1', alone.ours)]),
      row(`server CPU for each event, ${at}`, 'us', read('LATENCY', sockets, run.groups, (result) => result.serverUsPerEvent)),
      row(`${counted(sockets)} subscribe, 200 handshakes under way, until all are up`, 'ms', read('LATENCY', sockets, run.groups, ({ connectMs }) => connectMs)),
      row(`bytes of an event, ${at}`, 'B', read('LATENCY', sockets, run.groups, (result) => result.bytesPerEvent)),
    ]
  })
}

function throughputRows(run: Run, read: Read): Row[] {
  return countsOf(run, 'sockets', 'THROUGHPUT').flatMap((sockets) => {
    const at = `${counted(sockets)} subscribed`
    const rate = read('THROUGHPUT', sockets, run.groups, (result) => result.deliveredPerSecond)
    if (rate.ours === null && rate.a === null) return []
    return [
      row(`events delivered, more offered than can be, ${at}`, '/s', rate, sockets < 1_000 ? [] : [atLeast(1.5, 'A', rate.a), atLeast(10, 'B', rate.b)]),
      row(`server CPU for each of them`, 'us', read('THROUGHPUT', sockets, run.groups, (result) => result.serverUsPerEvent)),
      row(`until all have one of them, p50`, 'ms', read('THROUGHPUT', sockets, run.groups, (result) => result.all.p50)),
    ]
  })
}

function stormRows(run: Run, read: Read): Row[] {
  const missed = [...new Set(run.samples.flatMap(({ result }) => result.kind === 'STORM' ? result.storms.map((storm) => storm.missed) : []))]
  const mean = (values: number[]) => values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
  return countsOf(run, 'sockets', 'STORM').flatMap((sockets) => missed.flatMap((count) => {
    const of = (key: 'currentMs' | 'serverUsPerSocket') => read('STORM', sockets, run.groups, ({ storms }) => (
      mean(storms.filter((storm) => storm.missed === count).map((storm) => storm[key] ?? NaN))))
    const current = of('currentMs')
    const isAim = sockets >= 10_000 && count === 1
    return [
      row(`${counted(sockets)} return at once, ${count} change${count === 1 ? '' : 's'} missed, until all are current`, 'ms', current, isAim ? [atMost(1.4, 'A', current.a)] : []),
      row(`server CPU for each of them`, 'us', of('serverUsPerSocket')),
    ]
  }))
}

function mutationRows(run: Run, read: Read): Row[] {
  const clients = [...new Set(run.samples.flatMap(({ result }) => result.kind === 'MUTATIONS' ? result.runs.map((one) => one.clients) : []))]
  return clients.map((count) => {
    const rate = read('MUTATIONS', null, null, ({ runs }) => runs.find((one) => one.clients === count)?.perSecond)
    return row(`ordered mutations over HTTP, ${count} client${count === 1 ? '' : 's'}`, '/s', rate, count < 32 ? [] : [atLeast(1, 'A', rate.a)])
  })
}

function memoryRows(read: Read): Row[] {
  const slope = read('MEMORY', null, null, ({ bytesPerSubscription }) => bytesPerSubscription)
  if (slope.ours === null) return []
  return [
    row('memory for each idle subscription', 'B', slope, [atMost(1.6, 'A', slope.a)]),
    row('memory of the process with all of them', 'MB', read('MEMORY', null, null, ({ residentBytes }) => residentBytes / 1e6)),
  ]
}

/** A host that resumes its own session is the other; what it does has no database, no rights and no second process in it. */
function offeredTable({ samples }: Run): Table | null {
  const of = (pick: (result: ResultOf<'OFFERED'>) => number | null) => medianOf(samples, 'OFFERED', { target: 'OURS', sockets: null, groups: null }, pick)
  const line = (what: string, pick: (result: ResultOf<'OFFERED'>, way: 'ours' | 'direct') => number | null) => (
    row(what, 'ms', { a: of((result) => pick(result, 'direct')), b: null, ours: of((result) => pick(result, 'ours')) }))
  const offered = line('server added until the model is offered its tool, p50', (result, way) => result[way].offered.p50)
  if (offered.ours === null) return null
  return {
    title: 'A change in a live Copilot session', a: 'direct resume', b: '',
    rows: [
      { ...offered, aims: [atMost(1.5, 'direct', offered.a)] },
      line('the same, p99', (result, way) => result[way].offered.p99),
      line('of it, until the prompt is sent, p50', (result, way) => result[way].prompt.p50),
      row('of that, until the mutation is answered, p50', 'ms', { a: null, b: null, ours: of(({ answer }) => answer.p50) }),
    ],
  }
}

function refusedRows({ samples }: Run): Row[] {
  const kinds = samples.flatMap(({ result }) => result.kind === 'REFUSED' ? [result] : [])
  const lengths = [...new Set(kinds.map(({ callMs }) => callMs))].sort((x, y) => x - y)
  return lengths.flatMap((callMs) => {
    const own = samples.filter(({ result }) => result.kind === 'REFUSED' && result.callMs === callMs)
    const of = (sockets: number, pick: (result: ResultOf<'REFUSED'>) => number | null) => medianOf(own, 'REFUSED', { target: 'OURS', sockets, groups: null }, pick)
    const alone = of(1, ({ last }) => last.p50)
    const line = (what: string, unit: Unit, ours: number | null, aims: Aim[] = []) => row(what, unit, { a: null, b: null, ours }, aims)
    return [...new Set(own.map(({ sockets }) => sockets))].sort((x, y) => x - y).flatMap((sockets) => {
      const at = `${counted(sockets)} session${sockets === 1 ? '' : 's'}, calls of ${counted(callMs)} ms`
      const aims = sockets < 100 ? [] : [atMost(10, 'ours with 1', alone), atMost(1, '1 s', 1_000)]
      return [
        line(`revocation sent until the last call was refused, ${at}, p50`, 'ms', of(sockets, ({ last }) => last.p50), aims),
        line('the same, the slowest', 'ms', of(sockets, ({ last }) => last.max)),
        line('calls answered before', '/s', of(sockets, ({ callsPerSecond }) => callsPerSecond)),
      ]
    })
  })
}

function snapshotTable({ samples }: Run): Table | null {
  const of = (pick: (result: ResultOf<'SNAPSHOT'>) => number) => medianOf(samples, 'SNAPSHOT', { target: 'OURS', sockets: null, groups: null }, pick)
  const entries = of((result) => result.entries)
  if (entries === null) return null
  const [a, b] = [of((result) => result.cachedMs), of((result) => result.naiveMs)]
  const line = (what: string, pick: (result: ResultOf<'SNAPSHOT'>) => number, aims: Aim[] = []) => row(what, 'ms', { a, b, ours: of(pick) }, aims)
  return {
    title: `A set of ${counted(entries)} entries, until the last byte, p50`, a: 'cached bytes', b: 'naive',
    rows: [
      line('first event of a subscription, right after a change', (result) => result.changedMs, [atMost(0.25, 'naive', b)]),
      line('first event of a subscription, nothing new', (result) => result.unchangedMs, [atMost(3, 'cached bytes', a)]),
      line('the same, of a user who has no other subscription', (result) => result.otherUserMs),
      line('first event of all, after a cold start', (result) => result.coldMs),
      line('effectiveCatalog over HTTP, right after a change', (result) => result.queryChangedMs),
      line('effectiveCatalog over HTTP, nothing new', (result) => result.queryUnchangedMs),
      row('size', 'B', { a: of((result) => result.naiveBytes), b: of((result) => result.naiveBytes), ours: of((result) => result.eventBytes) }),
    ],
  }
}

/** One judgement beside the parsing of the same definition, which every mutation does as well. */
function evaluationTable({ samples }: Run): Table | null {
  const of = (pick: (result: ResultOf<'EVALUATION'>) => number | null | undefined) => medianOf(samples, 'EVALUATION', { target: 'OURS', sockets: null, groups: null }, pick)
  const [p50, parsed] = [of(({ one }) => one.p50), of((result) => result.parsed.p50)]
  if (p50 === null) return null
  const sorts = [...new Set(samples.flatMap(({ result }) => result.kind === 'EVALUATION' ? result.sorts.map(({ sort }) => sort) : []))]
  return {
    title: 'One evaluation by the policy', a: 'parsing', b: '',
    rows: [
      row('definitions of all sorts, p50', 'us', { a: parsed, b: null, ours: p50 }, [atMost(1, '50 µs', 50)]),
      row('the same, p95', 'us', { a: of((result) => result.parsed.p95), b: null, ours: of(({ one }) => one.p95) }),
      row("by a deployment's and a team's policy with lists of 20, p50", 'us', { a: parsed, b: null, ours: of(({ narrowed }) => narrowed.p50) }),
      row('the same, p95', 'us', { a: of((result) => result.parsed.p95), b: null, ours: of(({ narrowed }) => narrowed.p95) }),
      ...sorts.map((name) => row(`by the default policy: ${name}, p50`, 'us', { a: null, b: null, ours: of((result) => result.sorts.find(({ sort }) => sort === name)?.p50) })),
    ],
  }
}

function simulationTable({ samples }: Run): Table | null {
  const of = (pick: (result: ResultOf<'SIMULATION'>) => number) => medianOf(samples, 'SIMULATION', { target: 'OURS', sockets: null, groups: null }, pick)
  const entries = of((result) => result.entries)
  if (entries === null) return null
  const line = (what: string, pick: (result: ResultOf<'SIMULATION'>) => number, aims: Aim[] = []) => row(what, 'ms', { a: null, b: null, ours: of(pick) }, aims)
  const aims = [atMost(1, '2 s', 2_000)]
  return {
    title: `A policy over ${counted(entries)} entries, until answered, p50`, a: '', b: '',
    rows: [
      line('simulatePolicy, first page, every verdict would change', (result) => result.allMs, aims),
      line('the same, no verdict would change', (result) => result.noneMs, aims),
      line('setPolicy, everything is denied', (result) => result.deniedMs),
      line('the same, everything is allowed again', (result) => result.allowedMs),
      line('the same, everything needs an approval', (result) => result.askedMs),
      line('the same, nothing needs one any more', (result) => result.endedMs),
    ],
  }
}

/** What more groups cost: the same with the sockets spread over more users. A and B know no groups. */
function groupRows(run: Run, read: Read): Row[] {
  return countsOf(run, 'groups', 'LATENCY').filter((groups) => groups > run.groups).flatMap((groups) => countsOf(run, 'sockets', 'LATENCY').flatMap((sockets) => {
    const at = `${counted(sockets)} subscribed in ${counted(groups)} groups`
    const all = read('LATENCY', sockets, groups, (result) => result.all.p50)
    if (all.ours === null) return []
    return [
      row(`mutation sent until all have it, ${at}, p50`, 'ms', all),
      row(`events delivered, more offered than can be, ${at}`, '/s', read('THROUGHPUT', sockets, groups, (result) => result.deliveredPerSecond)),
      row(`server CPU for each event, ${at}`, 'us', read('LATENCY', sockets, groups, (result) => result.serverUsPerEvent)),
    ]
  }))
}

/** Everything that was measured, an aim in its row. */
export function tablesOf(run: Run): Table[] {
  const read = readerOf(run)
  const columns = { a: 'A', b: 'B' }
  return [
    { title: 'Propagation', ...columns, rows: latencyRows(run, read) },
    { title: 'Fan-out', ...columns, rows: throughputRows(run, read) },
    { title: 'Storm', ...columns, rows: stormRows(run, read) },
    { title: 'Mutations', ...columns, rows: mutationRows(run, read) },
    { title: 'Memory', ...columns, rows: memoryRows(read) },
    ...[snapshotTable(run)].filter((table) => table !== null),
    { title: 'More groups', ...columns, rows: groupRows(run, read) },
    ...[offeredTable(run)].filter((table) => table !== null),
    { title: 'Revocation, sessions of one worker', a: '', b: '', rows: refusedRows(run) },
    ...[evaluationTable(run), simulationTable(run), sealTable(run), leaseTable(run)].filter((table) => table !== null),
  ].filter(({ rows }) => rows.length > 0)
}
