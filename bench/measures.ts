import postgres from 'postgres'
import { nextMessage, startProgram, stopChild } from './child.js'
import { startMutations } from './mutations.js'
import { type Assignment, type ClientsResult, type FromGenerator, type TaskResult } from './plan.js'
import { type RunningTarget } from './targets.js'

/** Begins to profile what is measured, if that is wanted, and answers how to end it. */
export type Profile = () => Promise<() => Promise<void>>

/** Hands a task to a generator of its own and waits for what comes out. */
export async function runGenerator(target: RunningTarget, work: Pick<Assignment, 'sockets' | 'warmUp' | 'task'>, profile: Profile): Promise<TaskResult> {
  const child = startProgram('./generator.ts')
  const { plan, pid: serverPid } = target
  const assignment: Assignment = { plan, serverPid, ...work }
  let endProfile = async () => {}
  try {
    child.send(assignment)
    for (;;) {
      const message = await nextMessage(child, (heard: FromGenerator) => heard)
      if (message.kind === 'RESULT') return message.result
      if (message.kind === 'FAILED') throw new Error(message.message)
      if (message.kind === 'BEGIN') endProfile = await profile()
      else await endProfile()
      child.send({})
    }
  } finally {
    await stopChild(child)
  }
}

export interface MutationsResult {
  kind: 'MUTATIONS'
  runs: ClientsResult[]
  /** What the database says: rows of audit written, and mutations that were answered. They must be equal. */
  auditRows: number
  answered: number
}

/** Closed loop over HTTP with as many clients as asked for, in turn. */
export async function measureMutations(target: RunningTarget, clients: number[], milliseconds: number, profile: Profile): Promise<MutationsResult> {
  const sql = postgres(target.databaseUrl, { max: 1, onnotice: () => {} })
  const countAudit = async () => Number((await sql.unsafe<Array<{ count: string }>>(`select count(*) as count from ${target.auditTable}`))[0]!.count)
  const mutations = await startMutations(target.plan.mutations)
  try {
    const before = await countAudit()
    const warm = await mutations.clients(8, Math.min(2_000, milliseconds))
    const runs: ClientsResult[] = []
    for (const count of clients) {
      const endProfile = count === Math.max(...clients) ? await profile() : async () => {}
      runs.push(await mutations.clients(count, milliseconds))
      await endProfile()
    }
    const answered = [warm, ...runs].reduce((sum, run) => sum + run.answered, 0)
    return { kind: 'MUTATIONS', runs, auditRows: await countAudit() - before, answered }
  } finally {
    await mutations.stop()
    await sql.end({ timeout: 5 })
  }
}
