/**
 * Kills and cuts off everything there is while writers, subscribers and changes of rights run, and checks after each fault
 * that nothing committed was lost and nothing leaked. Needs Linux, and a build of what is tested.
 *
 *   npm run chaos -- --minutes 10 --seed 42 --nodes 2 --faults "node killed,Postgres killed"
 */
import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createRandom } from '../support/random.js'
import { createChecks, type Checks } from './checks.js'
import { type Fault, faults, type Random } from './faults.js'
import { createReport, type Report } from './report.js'
import { createWorld, type World } from './world.js'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' }, nodes: { type: 'string', default: '2' }, faults: { type: 'string' } },
})
const minutes = Number(values.minutes)
const nodeCount = Number(values.nodes)
const seed = values.seed === undefined ? randomInt(1_000_000) : Number(values.seed)
const chosen = values.faults?.split(',').map((name) => name.trim()) ?? Object.keys(faults)
const calm: Fault = async () => {
  await delay(2_000)
  return { detail: 'nothing happened' }
}
const unknown = chosen.filter((name) => name !== 'none' && !(name in faults))
if (!(minutes > 0) || !(nodeCount >= 1) || !Number.isSafeInteger(seed) || unknown.length > 0) {
  process.stderr.write(`usage: npm run chaos -- [--minutes N] [--seed N] [--nodes N] [--faults none|A,B]; faults: ${Object.keys(faults).join(', ')}\n`)
  process.exit(2)
}

const say = (line: string) => void process.stdout.write(`${line}\n`)
const command = `npm run chaos -- --minutes ${minutes} --seed ${seed} --nodes ${nodeCount}${values.faults === undefined ? '' : ` --faults "${values.faults}"`}`
say(`chaos: seed ${seed}. It repeats the plan; the moments at which things meet are those of the machine.`)
const report = createReport()
const world = await createWorld(seed, nodeCount, report.violate)
let isInterrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { isInterrupted = true })
try {
  await run(world, report)
} catch (error) {
  report.violate(error instanceof Error ? error.stack ?? error.message : String(error))
} finally {
  await world.close()
}
if (report.violations().length > 0) {
  say(`repeat with: ${command}`)
  process.exitCode = 1
}

async function run(world: World, report: Report): Promise<void> {
  const begun = performance.now()
  const sampler = setInterval(() => void world.nodes[0]!.rss().then((kilobytes) => { if (kilobytes !== null) report.rss(kilobytes) }), 1_000)
  try {
    const checks = await createChecks(world)
    for (const problem of await checks.settle()) report.violate(problem)
    const random = createRandom(seed)
    const next = bag(random)
    for (let failures = 0; failures < 2 && !isInterrupted && performance.now() - begun < minutes * 60_000;) {
      await delay(500 + random.below(1_500))
      // What did not come to rest gets one more minute without a fault.
      failures = await strike(world, checks, failures === 0 ? next() : 'none', random) ? 0 : failures + 1
    }
    for (const problem of await checks.finish()) report.violate(problem)
  } finally {
    clearInterval(sampler)
    const drops = new Map<string, number>()
    for (const follower of world.followers) for (const [reason, count] of follower.drops) drops.set(reason, (drops.get(reason) ?? 0) + count)
    for (const problem of report.memoryProblems()) report.violate(problem)
    report.summary({
      seed, nodes: nodeCount, minutes: (performance.now() - begun) / 60_000, counts: world.model.counts, refusals: world.model.refusals,
      delivered: world.followers.reduce((sum, follower) => sum + follower.delivered(), 0), drops, logged: world.logged,
    })
  }
}

/** One fault, its healing and the checks. Answers whether everything came to rest afterwards. */
async function strike(world: World, checks: Checks, name: string, random: Random): Promise<boolean> {
  const before = report.violations().length
  let detail = 'could not be done'
  let healMs: number | null = null
  const { check, recovery, ...damage } = await (faults[name] ?? calm)(world, random)
  detail = damage.detail
  const struck = performance.now()
  let checked = struck
  try {
    await recovery
    await checks.healed()
    healMs = performance.now() - struck
    await delay(random.below(800))
    checked = performance.now()
    for (const problem of await checks.settle()) report.violate(problem)
    for (const problem of await check?.() ?? []) report.violate(problem)
    return true
  } catch (error) {
    report.violate(`after ${name}: ${error instanceof Error ? error.message : String(error)}`)
    return false
  } finally {
    world.load.resume()
    report.fault(name, detail, healMs, performance.now() - checked, report.violations().length - before)
  }
}

/** Every fault once, in a random order, and again. */
function bag(random: Random): () => string {
  let left: string[] = []
  return () => {
    if (left.length === 0) left = [...chosen]
    return left.splice(random.below(left.length), 1)[0]!
  }
}
