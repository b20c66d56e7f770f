import { DeleteEntryDocument, McpServerDocument } from '../../src/client/index.js'
import { type Passed } from './director.js'
import { type Flow, flows, type Rest, type Trial } from './flows.js'
import { problemsOf, receiptProblems, tableProblems } from './holds.js'
import { codeOf, patienceMs, until } from './until.js'
import { type World } from './world.js'

export const victims = ['server', 'Postgres', 'worker', 'upstream'] as const
export type Victim = (typeof victims)[number]

/** One kill: who, at which step of what. */
export interface Cell extends Passed {
  flow: string
  victim: Victim
}

export interface Outcome {
  /** What the first reader saw; null: nobody was killed. */
  seen: string | null
  /** Why nobody was killed. */
  why: 'none runs' | 'not passed' | null
  /** From the kill until all held. */
  ms: number
  problems: string[]
}

/** A worker reports within seconds. */
const graceMs = 3_000
/** Codes that say nothing about whether it was done. */
const unknowing = ['UNAVAILABLE', 'INTERNAL']

const rest: Rest = async (world, expected) => {
  const problems = await until(() => problemsOf(world, expected))
  if (problems.length > 0) throw new Error(`before the kill: ${problems.join('; ')}`)
}

/** What passes of one flow when nobody is killed. */
export async function unharmed(world: World, flow: string): Promise<Passed[]> {
  const trial = await flowOf(flow)(world, rest)
  world.director.watch()
  await trial.act()
  await trial.after?.()
  const problems = [...await until(() => problemsOf(world, trial)), ...await until(() => completeProblems(world, trial, false))]
  const seen = world.director.seen()
  await cleanUp(world, trial)
  if (problems.length > 0) throw new Error(`${flow} without a kill: ${problems.join('; ')}`)
  return seen
}

const flowOf = (name: string): Flow => flows[name]!

async function completeProblems(world: World, trial: Trial, mayWait: boolean): Promise<string[]> {
  const id = await trial.id()
  return id === null ? [`${trial.name} is not there`] : receiptProblems(world, id, mayWait)
}

/** Kills, starts again what was killed as a supervisor would, and looks whether all holds; nobody cleans up. */
export async function runCell(world: World, { flow, side, step, victim }: Cell): Promise<Outcome> {
  const { director, deaths } = world
  const trial = await flowOf(flow)(world, rest)
  let struckAt = 0
  let recovery: Promise<unknown> = Promise.resolve()
  let why: Outcome['why'] = null
  director.watch({
    side, step,
    strike: async () => {
      struckAt = performance.now()
      if (victim === 'upstream' && trial.transport === 'stdio' && world.upstreams.living(trial.mark).length === 0) why = 'none runs'
      else recovery = (await strike(world, trial, victim)).started
    },
  })
  const answer = await trial.act().then(() => 'OK', codeOf)
  const problems = answer === 'OK' || unknowing.includes(answer) ? [] : [`the request was answered with ${answer}`]
  // What comes after the answer: the worker's part of it.
  if (trial.after !== undefined && answer === 'OK' && !director.hasStruck()) await trial.after().catch(() => {})
  if (!await isStruck(world, trial)) why = 'not passed'
  await recovery
  const seen = why === null ? await judge(world, trial, { answer, victim }, problems) : null
  const ms = performance.now() - struckAt
  problems.push(...await tableProblems(world), ...deaths.splice(0))
  await cleanUp(world, trial)
  return { seen, why, ms, problems }
}

/** Until all is done, and a little longer: what comes beside a change, as a report may, need not come every time. */
async function isStruck(world: World, trial: Trial): Promise<boolean> {
  const { director } = world
  const look = async () => (director.hasStruck() ? [] : [...await problemsOf(world, trial), ...await completeProblems(world, trial, true)])
  const problems = await until(look)
  await until(async () => (director.hasStruck() ? [] : ['not yet']), performance.now() + graceMs)
  await director.rest()
  if (!director.hasStruck() && problems.length > 0) throw new Error(`nobody was killed, and it does not come to rest: ${problems.join('; ')}`)
  return director.hasStruck()
}

/** @returns its start again; whoever waits for what was killed goes on meanwhile */
async function strike({ node, postgres, worker, upstreams }: World, { transport, mark }: Trial, victim: Victim): Promise<{ started: Promise<unknown> }> {
  const killed = { server: node, Postgres: postgres, worker, upstream: upstreams }[victim]
  if (victim === 'upstream' && transport === 'stdio') {
    // The worker starts it again.
    upstreams.killLiving(mark)
    return { started: Promise.resolve() }
  }
  await killed.kill()
  return { started: killed.start() }
}

/** The first reader, the repeated request, and everything that must be so in the end. */
async function judge(world: World, trial: Trial, { answer, victim }: { answer: string; victim: Victim }, problems: string[]): Promise<string> {
  const deadline = performance.now() + patienceMs
  let seen = 'nothing'
  const read = async () => {
    seen = await trial.read()
    return []
  }
  problems.push(...await until(read, deadline))
  const first = seen
  if (first !== 'old' && first !== 'new') problems.push(first)
  if (answer === 'OK' && first === 'old') problems.push('it was answered, and is not so')
  problems.push(...await until(() => repeated(trial, read, () => seen), deadline))
  if (trial.after !== undefined) problems.push(...await until(async () => { await trial.after!(); return [] }, deadline))
  problems.push(...await until(() => problemsOf(world, trial), deadline))
  problems.push(...await until(() => completeProblems(world, trial, victim === 'worker'), deadline))
  return first
}

/** Whoever did not hear an answer asks again, with the same words. */
async function repeated(trial: Trial, read: () => Promise<unknown>, seen: () => string): Promise<string[]> {
  await read()
  const before = seen()
  const answer = await trial.act().then(() => 'OK', codeOf)
  if (unknowing.includes(answer)) return [`repeated, it was answered with ${answer}`]
  const wanted = before === 'old' ? 'OK' : trial.doneAlready
  return answer === wanted ? [] : [`repeated when it was ${before}, it was answered with ${answer} instead of ${wanted}`]
}

async function cleanUp({ ann }: World, trial: Trial): Promise<void> {
  await until(async () => {
    const id = await trial.id()
    const entry = id === null ? null : (await ann.execute(McpServerDocument, { id })).mcpServer
    if (entry !== null) await ann.execute(DeleteEntryDocument, { input: { id: entry.id, expectedRevision: entry.revision } })
    return []
  })
}
