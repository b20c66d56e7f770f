import { setTimeout as delay } from 'node:timers/promises'
import { createFleet, type Fleet } from './fleet.js'
import { nowMs, type ProcessSample, quiet, sampleProcess } from './machine.js'
import { type Mutations, startMutations } from './mutations.js'
import {
  type Answer, type Assignment, type FromGenerator, type LatencyResult, type MemoryResult, type StormResult, type TaskResult, type ThroughputResult,
} from './plan.js'
import { summarize } from './stats.js'
import { createTally, type Expected, sortedTimes, type Tally } from './tally.js'

/** N subscribers in one process; mutations come from another one, so that a busy reader never delays a sender. */
interface Bench extends Assignment {
  fleet: Fleet
  tally: Tally
  mutations: Mutations
  failedMutations: number
  examples: string[]
}

const patienceMs = 180_000
const betweenMutationsMs = 5

const say = (message: FromGenerator) => new Promise<void>((resolve) => process.send?.(message, () => resolve()))

/** Says that the measured part begins or ends, and waits for the word to go on. */
async function mark(kind: 'BEGIN' | 'END'): Promise<void> {
  const heard = new Promise<void>((resolve) => process.once('message', () => resolve()))
  await say({ kind })
  await heard
}

function noteAnswer(bench: Bench, { problem }: Answer): void {
  if (problem === null) return
  bench.failedMutations++
  if (bench.examples.length < 3) bench.examples.push(`mutation: ${problem}`)
}

async function mutateOnce(bench: Bench): Promise<{ answer: Answer; expected: Expected }> {
  const expected = bench.tally.expect(bench.mutations.next)
  const answer = await bench.mutations.one()
  noteAnswer(bench, answer)
  return { answer, expected }
}

/** Whether it happened while anybody would have waited for it; if not, something is lost and nothing more is worth measuring. */
async function happens(bench: Bench, what: string, promise: Promise<unknown>): Promise<boolean> {
  const stop = new AbortController()
  const isLate = await Promise.race([promise.then(() => false), delay(patienceMs, true, { signal: stop.signal }).catch(() => true)])
  stop.abort()
  if (isLate) bench.examples.push(`${what}: not within ${patienceMs / 1_000} s`)
  return !isLate
}

const reachesAll = (bench: Bench, { bySockets }: Expected) => happens(bench, 'all have a change', bySockets)

interface Usage {
  server: ProcessSample | null
  own: NodeJS.CpuUsage
  changes: number
  frames: number
  bytes: number
}

const usage = ({ serverPid, fleet: { counts } }: Bench): Usage => ({ server: sampleProcess(serverPid), own: process.cpuUsage(), ...counts })

function costs(bench: Bench, before: Usage) {
  const after = usage(bench)
  const changes = after.changes - before.changes
  const frames = after.frames - before.frames
  const per = (ms: number) => changes === 0 ? 0 : (ms * 1_000) / changes
  const own = (after.own.user + after.own.system - before.own.user - before.own.system) / 1_000
  return {
    events: changes, frames, bytesPerEvent: frames === 0 ? 0 : (after.bytes - before.bytes) / frames,
    serverUsPerEvent: before.server === null || after.server === null ? null : per(after.server.cpuMs - before.server.cpuMs),
    generatorUsPerEvent: per(own),
  }
}

/** Closed loop: the next mutation once all have the last. */
async function measureLatency(bench: Bench, warmUp: number, mutations: number): Promise<LatencyResult> {
  for (let at = 0; at < warmUp; at++) await reachesAll(bench, (await mutateOnce(bench)).expected)
  await quiet(bench.serverPid)
  await mark('BEGIN')
  const before = usage(bench)
  const samples = { all: [] as number[], first: [] as number[], each: [] as number[], answer: [] as number[] }
  for (let at = 0; at < mutations; at++) {
    const { answer, expected } = await mutateOnce(bench)
    if (!await reachesAll(bench, expected)) break
    const times = sortedTimes(expected)
    samples.all.push(times.at(-1)! - answer.sentAt)
    samples.first.push(times[0]! - answer.sentAt)
    const step = Math.max(1, Math.floor(times.length / 200))
    for (let index = 0; index < times.length; index += step) samples.each.push(times[index]! - answer.sentAt)
    if (answer.problem === null) samples.answer.push(answer.answeredAt - answer.sentAt)
    await delay(betweenMutationsMs)
  }
  const { bytesPerEvent, serverUsPerEvent, generatorUsPerEvent } = costs(bench, before)
  await mark('END')
  return {
    kind: 'LATENCY', all: summarize(samples.all), first: summarize(samples.first), each: summarize(samples.each), answer: summarize(samples.answer),
    bytesPerEvent, serverUsPerEvent, generatorUsPerEvent,
  }
}

/** Open loop, at more than can be delivered: what arrives in a second is what the server can do. */
async function measureThroughput(bench: Bench, perSecond: number, mutations: number): Promise<ThroughputResult> {
  await reachesAll(bench, (await mutateOnce(bench)).expected)
  await quiet(bench.serverPid)
  await mark('BEGIN')
  const before = usage(bench)
  const sentAt = new Map<number, number>()
  const first = bench.mutations.next
  const expected = Array.from({ length: mutations }, (_, at) => bench.tally.expect(first + at))
  const begin = nowMs()
  const { done } = bench.mutations.steadily(mutations, perSecond, (answer) => {
    sentAt.set(answer.number, answer.sentAt)
    noteAnswer(bench, answer)
  })
  await happens(bench, 'all have all changes', Promise.all([done, ...expected.map(({ bySockets }) => bySockets)]))
  const { events, frames, serverUsPerEvent, generatorUsPerEvent } = costs(bench, before)
  await mark('END')
  const ends = expected.map((one) => sortedTimes(one).at(-1) ?? begin)
  const all = ends.flatMap((end, at) => {
    const sent = sentAt.get(first + at)
    return sent === undefined || expected[at]!.seen < bench.sockets ? [] : [end - sent]
  })
  return {
    kind: 'THROUGHPUT', offeredPerSecond: perSecond * bench.sockets, deliveredPerSecond: (events * 1_000) / (Math.max(...ends) - begin), events, frames,
    all: summarize(all), serverUsPerEvent, generatorUsPerEvent,
  }
}

/** All drop, some changes are made, all return at once with their cursors. */
async function measureStorms(bench: Bench, times: number, missed: number[]): Promise<StormResult> {
  const { fleet, serverPid } = bench
  const storms: StormResult['storms'] = []
  for (const count of missed) {
    for (let at = 0; at < times; at++) {
      await reachesAll(bench, (await mutateOnce(bench)).expected)
      await fleet.drop()
      const expected: Expected[] = []
      for (let change = 0; change < count; change++) expected.push((await mutateOnce(bench)).expected)
      await quiet(serverPid)
      await mark('BEGIN')
      const before = { bytes: fleet.counts.bytes, snapshots: fleet.counts.snapshots, retries: fleet.faults.retries, server: sampleProcess(serverPid) }
      const begin = nowMs()
      const areBack = await happens(bench, 'all are back and current', Promise.all([fleet.comeBack(), ...expected.map(({ bySockets }) => bySockets)]))
      const after = sampleProcess(serverPid)
      await mark('END')
      if (!areBack) return { kind: 'STORM', storms }
      storms.push({
        missed: count, currentMs: Math.max(...expected.map((one) => sortedTimes(one).at(-1)!)) - begin,
        bytes: fleet.counts.bytes - before.bytes, snapshots: fleet.counts.snapshots - before.snapshots, retries: fleet.faults.retries - before.retries,
        serverUsPerSocket: before.server === null || after === null ? null : ((after.cpuMs - before.server.cpuMs) * 1_000) / bench.sockets,
      })
    }
  }
  return { kind: 'STORM', storms }
}

/** What one more idle subscription costs: resident memory between `from` and all, each when the server has come to rest. */
async function measureMemory(bench: Bench, from: number, settleMs: number): Promise<MemoryResult> {
  const settled = async () => {
    await delay(settleMs)
    await quiet(bench.serverPid)
    return sampleProcess(bench.serverPid)
  }
  await bench.fleet.open(from, null)
  const low = await settled()
  await bench.fleet.open(bench.sockets, null)
  const high = await settled()
  const bytes = low === null || high === null ? null : (high.residentBytes - low.residentBytes) / (bench.sockets - from)
  return { kind: 'MEMORY', bytesPerSubscription: bytes, residentBytes: high?.residentBytes ?? 0 }
}

async function perform(bench: Bench): Promise<TaskResult> {
  const { task, fleet, tally, sockets, serverPid } = bench
  let connectMs = 0
  if (task.kind !== 'MEMORY') {
    let cursor: string | null = null
    for (let at = 0; at < bench.warmUp; at++) {
      const answer = await bench.mutations.one()
      noteAnswer(bench, answer)
      cursor = answer.cursor
    }
    const begin = nowMs()
    await fleet.open(sockets, cursor)
    connectMs = nowMs() - begin
    if (fleet.faults.refused > 0) throw new Error(`the server refused subscribers: ${fleet.faults.examples.join('; ')}`)
    await quiet(serverPid)
  }
  const result = task.kind === 'LATENCY' ? await measureLatency(bench, task.warmUp, task.mutations)
    : task.kind === 'THROUGHPUT' ? await measureThroughput(bench, task.perSecond, task.mutations)
      : task.kind === 'STORM' ? await measureStorms(bench, task.times, task.missed)
        : await measureMemory(bench, task.from, task.settleMs)
  // What comes twice may come late.
  await delay(300)
  const { refused, closed, retries, examples } = fleet.faults
  const { failedMutations } = bench
  return {
    ...result, connectMs,
    faults: { lost: tally.lost(), doubled: tally.doubled(), refused, closed, failedMutations, retries, examples: [...bench.examples, ...examples] },
  }
}

async function run(assignment: Assignment): Promise<void> {
  const { plan, sockets, task } = assignment
  const tally = createTally(sockets)
  const fleet = createFleet(plan.subscribers, tally, task.kind === 'STORM')
  const mutations = await startMutations(plan.mutations)
  await say({ kind: 'RESULT', result: await perform({ ...assignment, fleet, tally, mutations, failedMutations: 0, examples: [] }) })
  process.exit(0)
}

process.on('disconnect', () => process.exit(0))
process.once('message', (assignment) => {
  run(assignment as Assignment).catch(async (error: unknown) => {
    await say({ kind: 'FAILED', message: error instanceof Error ? error.stack ?? error.message : String(error) })
    process.exit(1)
  })
})
