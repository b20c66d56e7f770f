/**
 * Kills the server, Postgres, the worker and the MCP server at every step of every change of an entry, and looks each time whether a reader sees old or
 * new and all comes to rest by itself (S17). Needs Linux, and a build of what is tested.
 *
 *   npm run crash -- --minutes 2 --seed 42 --flows "revoke,restore" --victims "server,worker" --step change.sealed --lanes 3 --out docs/crash-matrix.md
 *
 * Without an end it kills everybody at every step. With `--minutes` as many as there is time for, in an order that the seed gives: first each at their own
 * steps (the server and Postgres at the server's, the worker and what it runs at the worker's), then the others.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createRandom } from '../support/random.js'
import { type Cell, type Outcome, runCell, unharmed, type Victim, victims } from './cell.js'
import { finalProblems } from './final.js'
import { flows } from './flows.js'
import { writePage } from './page.js'
import { type Row, table } from './report.js'
import { serverSteps } from '../../src/db/step.js'
import { workerSteps } from '../../src/worker/step.js'
import { createWorld, type World } from './world.js'

const { values } = parseArgs({ options: { flows: { type: 'string' }, victims: { type: 'string' }, step: { type: 'string' }, lanes: { type: 'string', default: '3' }, minutes: { type: 'string' }, seed: { type: 'string' }, out: { type: 'string' } } })
const listed = (text: string | undefined, all: readonly string[]) => text?.split(',').map((each) => each.trim()) ?? [...all]
const chosen = { flows: listed(values.flows, Object.keys(flows)), victims: listed(values.victims, victims) }
const lanes = Number(values.lanes)
const minutes = values.minutes === undefined ? Infinity : Number(values.minutes)
const seed = values.seed === undefined ? randomInt(1_000_000) : Number(values.seed)
const unknown = [...chosen.flows.filter((name) => !(name in flows)), ...chosen.victims.filter((name) => !victims.some((one) => one === name))]
if (unknown.length > 0 || !(lanes >= 1) || !(minutes > 0) || !Number.isSafeInteger(seed)) {
  process.stderr.write(`usage: npm run crash -- [--flows A,B] [--victims A,B] [--step STEP] [--lanes N] [--minutes N] [--seed N] [--out FILE]; flows: ${Object.keys(flows).join(', ')}; victims: ${victims.join(', ')}\n`)
  process.exit(2)
}

const say = (line: string) => void process.stdout.write(`${line}\n`)
const begun = performance.now()
const violations: string[] = []
const violate = (problem: string) => {
  violations.push(problem)
  say(`VIOLATION  ${problem}`)
}
let isInterrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { isInterrupted = true })

const ownSteps: Record<Victim, Row['side']> = { server: 'server', Postgres: 'server', worker: 'worker', upstream: 'worker' }
const rows: Row[] = []
let waiting: Array<{ row: Row; victim: Victim }> = []
const worlds = await Promise.all(Array.from({ length: lanes }, () => createWorld()))
try {
  say(`crash: ${lanes} worlds after ${Math.round((performance.now() - begun) / 1_000)} s${minutes === Infinity ? '' : `; seed ${seed} gives the order`}`)
  await enumerate()
  await Promise.all(worlds.map(lane))
  for (const world of worlds) for (const problem of await finalProblems(world)) violate(problem)
} catch (error) {
  violate(error instanceof Error ? error.stack ?? error.message : String(error))
} finally {
  for (const world of worlds) await world.close().catch((error: unknown) => violate(`while closing: ${String(error)}`))
}
say(`\n${table(rows)}\n`)
const seconds = Math.round((performance.now() - begun) / 1_000)
const kills = rows.flatMap(({ cells }) => Object.values(cells)).filter(({ seen }) => seen !== null).length
say(`crash: ${kills} kills at ${rows.length} steps in ${seconds} s: ${violations.length === 0 ? 'all holds' : `${violations.length} violations`}`)
if (values.out !== undefined && violations.length === 0) writePage(values.out, { rows, kills, seconds, lanes })
if (violations.length > 0 || isInterrupted) process.exitCode = 1

/** The rows are what really passes when nobody is killed; a name that nothing passes is a lie. */
async function enumerate(): Promise<void> {
  const queue = [...chosen.flows]
  const found = new Map<string, Row[]>()
  await Promise.all(worlds.map(async (world) => {
    for (let flow = queue.shift(); flow !== undefined; flow = queue.shift()) {
      const name = flow
      found.set(name, (await unharmed(world, name)).map((step) => ({ flow: name, ...step, cells: {} })))
    }
  }))
  rows.push(...chosen.flows.flatMap((flow) => found.get(flow)!).filter(({ step }) => values.step === undefined || step === values.step))
  waiting = inOrder(rows.flatMap((row) => (chosen.victims as Victim[]).map((victim) => ({ row, victim }))))
  if (chosen.flows.length < Object.keys(flows).length || values.step !== undefined) return
  const passed = new Set(rows.map(({ side, step }) => `${side} ${step}`))
  const names = [...Object.keys(serverSteps).map((step) => `server ${step}`), ...Object.keys(workerSteps).map((step) => `worker ${step}`)]
  for (const name of names) if (!passed.has(name)) violate(`no flow passes the step ${name}`)
}

/** As the rows have it when there is time for all. */
function inOrder(all: typeof waiting): typeof waiting {
  if (minutes === Infinity) return all
  const random = createRandom(seed)
  const rank = ({ row, victim }: (typeof waiting)[number]) => (ownSteps[victim] === row.side ? 0 : 1) + random.next()
  return all.map((one) => ({ one, at: rank(one) })).sort((a, b) => a.at - b.at).map(({ one }) => one)
}

async function lane(world: World): Promise<void> {
  for (let next = waiting.shift(); next !== undefined && !isInterrupted; next = waiting.shift()) {
    if (performance.now() - begun > minutes * 60_000) return
    const { row, victim } = next
    const cell: Cell = { flow: row.flow, side: row.side, step: row.step, victim }
    const outcome = await runCell(world, cell)
    row.cells[victim] = outcome
    tell(cell, outcome)
  }
}

function tell({ flow, side, step, victim }: Cell, { seen, why, ms, problems }: Outcome): void {
  const what = `${flow}: ${victim} killed at ${side} ${step}`
  if (problems.length === 0) say(`${what}: ${seen === null ? why : `${seen}; all holds after ${Math.round(ms)} ms`}`)
  for (const problem of problems) violate(`${what}: ${problem}`)
}
