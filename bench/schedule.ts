import { type Measure, type Options, withoutSockets } from './arguments.js'
import { type BenchPostgres } from './database.js'
import { measureEvaluation } from './evaluation.js'
import { measureLeases } from './lease.js'
import { measureMutations, type Profile, runGenerator } from './measures.js'
import { measureOffered } from './offered.js'
import { type Task } from './plan.js'
import { startProfile } from './profile.js'
import { measureRefused } from './refused.js'
import { type Result, type Sample } from './samples.js'
import { measureSealing } from './sealing.js'
import { type PreparedService, prepareService } from './service.js'
import { entries, fullSizes, quickSizes, type Sizes } from './sizes.js'
import { measureSimulation } from './simulation.js'
import { measureSnapshots, type SnapshotOptions } from './snapshot.js'
import { createTargets, type RunningTarget, type TargetName, type Targets } from './targets.js'

/** What a measure that stands alone is given. */
type Common = Pick<SnapshotOptions, 'postgres' | 'profile' | 'isInspected'>

interface Schedule {
  options: Options
  sizes: Sizes
  postgres: BenchPostgres
  say: (line: string) => void
  took: (sample: Sample) => void
  failed: (what: string) => void
}

/** Begins to profile, if that was asked for; otherwise there is nothing to end. What is measured several times gets numbers. */
function profileOf({ options, say }: Schedule, name: string, inspectorUrl: string | null): Profile {
  let count = 0
  return async () => {
    if (options.profile === null || inspectorUrl === null) return async () => {}
    return startProfile(inspectorUrl, options.profile, `${name}-${++count}`, say)
  }
}

const secondsSince = (begin: number) => `${((performance.now() - begin) / 1_000).toFixed(0)} s`

/** The numbers to look at while it runs. */
function brief(result: Result): string {
  const number = (value: number | null, digits = 1) => value === null ? '–' : value.toFixed(digits)
  switch (result.kind) {
    case 'LATENCY': return `all ${number(result.all.p50)} ms, answer ${number(result.answer.p50)} ms, ${number(result.serverUsPerEvent)} µs an event (generator ${number(result.generatorUsPerEvent)})`
    case 'THROUGHPUT': return `${number(result.deliveredPerSecond, 0)} events/s of ${result.offeredPerSecond} offered, ${number(result.serverUsPerEvent)} µs an event (generator ${number(result.generatorUsPerEvent)})`
    case 'STORM': return result.storms.map(({ missed, currentMs, retries }) => `${missed} missed: ${number(currentMs, 0)} ms${retries > 0 ? `, ${retries} came again` : ''}`).join('; ')
    case 'MEMORY': return `${number(result.bytesPerSubscription, 0)} B a subscription, ${number(result.residentBytes / 1e6, 0)} MB`
    case 'MUTATIONS': return result.runs.map(({ clients, perSecond }) => `${clients} clients: ${number(perSecond, 0)}/s`).join('; ')
    case 'OFFERED': return `ours ${number(result.ours.offered.p50)} ms (answer ${number(result.answer.p50)}, prompt ${number(result.ours.prompt.p50)}), direct ${number(result.direct.offered.p50)} ms (prompt ${number(result.direct.prompt.p50)})`
    case 'REFUSED': return `last ${number(result.last.p50)} ms (slowest ${number(result.last.max)}), first ${number(result.first.p50)} ms, answer ${number(result.answer.p50)} ms, ${number(result.callsPerSecond, 0)} calls/s`
    case 'EVALUATION': return `${number(result.one.p50)} µs (p95 ${number(result.one.p95)}), by two policies with lists ${number(result.narrowed.p50)} µs, parsed in ${number(result.parsed.p50)} µs`
    case 'SIMULATION': return `all change ${number(result.allMs, 0)} ms, none ${number(result.noneMs, 0)} ms; set: denied ${number(result.deniedMs, 0)} ms, asked for ${number(result.askedMs, 0)} ms`
    case 'SEAL': return result.bySize.map(({ bytes, both }) => `${bytes} bytes: ${number(both.p50)} µs (p95 ${number(both.p95)})`).join('; ')
    case 'LEASE': return `${number(result.one.p50, 2)} ms (a small query ${number(result.query.p50, 2)}), ${result.many.count} at once in ${number(result.allMs, 0)} ms`
    case 'SNAPSHOT': return `changed ${number(result.changedMs, 0)} ms, unchanged ${number(result.unchangedMs, 0)} ms, naive ${number(result.naiveMs, 0)} ms, cached ${number(result.cachedMs)} ms`
  }
}

async function each(
  schedule: Schedule, targets: Targets, title: string, { names, sockets, groups }: { names: TargetName[]; sockets: number; groups: number },
  measure: (target: RunningTarget, name: TargetName, profile: Profile) => Promise<Result>,
): Promise<void> {
  const { options, say, took, failed } = schedule
  for (let round = 1; round <= options.rounds; round++) {
    for (const name of names) {
      const begin = performance.now()
      const what = `${title}, round ${round}, ${name === 'OURS' ? 'ours' : name}`
      try {
        const target = await targets.start(name, groups)
        try {
          const result = await measure(target, name, profileOf(schedule, what.replaceAll(/[^\w]+/g, '-'), target.inspectorUrl))
          say(`${what}: ${brief(result)} [${secondsSince(begin)}]`)
          took({ target: name, sockets, groups, round, result })
        } finally {
          await target.stop()
        }
      } catch (error) {
        failed(`${what}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
}

async function runSockets(schedule: Schedule, prepared: PreparedService): Promise<void> {
  const { options, sizes, postgres } = schedule
  const targets = createTargets(postgres, prepared, options.profile !== null)
  const isWanted = (measure: Measure) => options.only.includes(measure)
  const most = Math.max(...options.sockets)
  const generate = (title: string, sockets: number, groups: number, task: (name: TargetName) => Task, names = options.targets) => (
    each(schedule, targets, `${title}, ${sockets} subscribed${groups === options.groups ? '' : ` in ${groups} groups`}`, { names, sockets, groups }, (target, name, profile) => (
      runGenerator(target, { sockets, warmUp: sizes.warmUp, task: task(name) }, profile)
    ))
  )
  const many = options.sockets.filter((sockets) => sockets > 1)
  if (isWanted('latency')) for (const sockets of options.sockets) await generate('latency', sockets, options.groups, () => sizes.latency(sockets))
  if (isWanted('throughput')) for (const sockets of many) await generate('throughput', sockets, options.groups, (name) => sizes.throughput(sockets, name))
  if (isWanted('storm')) for (const sockets of many) await generate('storm', sockets, options.groups, () => sizes.storm())
  if (isWanted('mutations')) {
    await each(schedule, targets, 'mutations', { names: options.targets, sockets: 0, groups: options.groups }, (target, _name, profile) => (
      measureMutations(target, sizes.clients, sizes.clientsMs, profile)
    ))
  }
  if (isWanted('memory') && most > 1) await generate('memory', most, options.groups, () => sizes.memory(most))
  if (!isWanted('groups')) return
  for (const groups of sizes.moreGroups) {
    for (const sockets of many.filter((count) => count >= groups)) {
      const names = options.targets.filter((name) => name !== 'B')
      await generate('latency', sockets, groups, () => sizes.latency(sockets), names)
      await generate('throughput', sockets, groups, (name) => sizes.throughput(sockets, name), names)
    }
  }
}

/** What brings along what it is compared with, and starts everything itself. */
async function alone(schedule: Schedule, title: string, sockets: number, measure: (common: Common) => Promise<Result>): Promise<void> {
  const { options, postgres, say, took, failed } = schedule
  for (let round = 1; round <= options.rounds; round++) {
    const begin = performance.now()
    const what = `${title}, round ${round}`
    try {
      const result = await measure({
        postgres, isInspected: options.profile !== null, profile: (inspectorUrl) => profileOf(schedule, what.replaceAll(/[^\w]+/g, '-'), inspectorUrl)(),
      })
      say(`${what}: ${brief(result)} [${secondsSince(begin)}]`)
      took({ target: 'OURS', sockets, groups: options.groups, round, result })
    } catch (error) {
      failed(`${what}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}

/** What needs a large catalog. */
async function runLarge(schedule: Schedule): Promise<void> {
  const { options, sizes, postgres, say } = schedule
  say(`making a catalog of ${sizes.snapshotEntries} entries`)
  const prepared = await prepareService(postgres, options.groups, sizes.snapshotEntries)
  if (options.only.includes('snapshot')) await alone(schedule, 'snapshot', 0, (common) => measureSnapshots({ ...common, prepared, repeats: sizes.snapshotRepeats }))
  if (options.only.includes('simulation')) await alone(schedule, 'simulation', 0, (common) => measureSimulation({ ...common, ...sizes.simulation, prepared }))
  await prepared.template.drop()
}

async function runRefused(schedule: Schedule): Promise<void> {
  const { sessions, callMs, ...sizes } = schedule.sizes.refused
  for (const ms of callMs) {
    for (const count of sessions) {
      await alone(schedule, `refused, ${count} sessions with calls of ${ms} ms`, count, (common) => measureRefused({ ...common, ...sizes, sessions: count, callMs: ms }))
    }
  }
}

/** Everything that was asked for, the targets alternating, each time a fresh process on a fresh database. */
export async function runAll(
  options: Options, postgres: BenchPostgres, say: (line: string) => void, took: (sample: Sample) => void, failed: (what: string) => void,
): Promise<void> {
  const sizes = options.isQuick ? quickSizes : fullSizes
  const schedule: Schedule = { options, sizes, postgres, say, took, failed }
  if (options.only.some((measure) => !withoutSockets.includes(measure))) {
    const users = options.only.includes('groups') ? Math.max(options.groups, ...sizes.moreGroups) : options.groups
    say(`making a catalog of ${entries} entries and ${users} users on ${postgres.description}`)
    const prepared = await prepareService(postgres, users, entries)
    await runSockets(schedule, prepared)
    await prepared.template.drop()
  }
  if (options.only.some((measure) => measure === 'snapshot' || measure === 'simulation')) await runLarge(schedule)
  if (options.only.includes('evaluation')) await alone(schedule, 'evaluation', 0, () => measureEvaluation(sizes.evaluation))
  if (options.only.includes('seal')) await alone(schedule, 'seal', 0, () => measureSealing(sizes.seal))
  if (options.only.includes('lease')) await alone(schedule, 'lease', 0, (common) => measureLeases({ ...common, ...sizes.lease }))
  if (options.only.includes('offered')) await alone(schedule, 'offered', 1, (common) => measureOffered({ ...common, ...sizes.offered }))
  if (options.only.includes('refused')) await runRefused(schedule)
}
