import { print } from 'graphql'
import { EffectiveCatalogDocument } from '../src/client/index.js'
import { startProgram, stopChild } from './child.js'
import { type BenchPostgres } from './database.js'
import { type Load, loadOverHttp, watch } from './loads.js'
import { quiet } from './machine.js'
import { type Profile } from './measures.js'
import { startMutations } from './mutations.js'
import { planOf, type PreparedService, startServer } from './service.js'
import { median } from './stats.js'
import { startListening } from './targets.js'

/** Medians of one round, in milliseconds to the last byte. */
export interface SnapshotResult {
  kind: 'SNAPSHOT'
  entries: number
  naiveMs: number
  cachedMs: number
  /** First events of fresh subscriptions: right after one entry changed, and with nothing new. */
  changedMs: number
  unchangedMs: number
  /** The very first after the server started. */
  coldMs: number
  /** With nothing new, for users who have no subscription yet. */
  otherUserMs: number
  queryChangedMs: number
  queryUnchangedMs: number
  eventBytes: number
  naiveBytes: number
}

export interface SnapshotOptions {
  postgres: BenchPostgres
  prepared: PreparedService
  /** Loads of each sort in a round. */
  repeats: number
  profile: (inspectorUrl: string | null) => ReturnType<Profile>
  isInspected: boolean
}

const query = JSON.stringify({ query: print(EffectiveCatalogDocument), variables: { owner: { kind: 'USER' } } })

async function medianOf(repeats: number, load: (at: number) => Promise<Load>): Promise<number> {
  const loads: number[] = []
  for (let at = 0; at < repeats; at++) loads.push((await load(at)).milliseconds)
  return median(loads)!
}

async function measureBaselines({ postgres, prepared, repeats }: SnapshotOptions) {
  const database = await postgres.create(prepared.template)
  const child = startProgram('./baseline-snapshot.ts', [database.url])
  try {
    const url = `http://127.0.0.1:${await startListening(child)}/graphql`
    const { bytes } = await loadOverHttp(url, query, null)
    await loadOverHttp(url, query, null)
    const naiveMs = await medianOf(repeats, () => loadOverHttp(url, query, null))
    const cached = () => loadOverHttp(`${url}?bytes=${bytes}`, null, null)
    for (let at = 0; at < 5; at++) await cached()
    return { naiveMs, cachedMs: await medianOf(2 * repeats, cached), naiveBytes: bytes }
  } finally {
    await stopChild(child)
    await database.drop()
  }
}

async function measureService({ postgres, prepared, repeats, profile, isInspected }: SnapshotOptions) {
  const database = await postgres.create(prepared.template)
  const server = await startServer(database.url, prepared.dataDir, isInspected)
  const plan = planOf(prepared, server.url, prepared.userTokens.length, 40)
  const mutations = await startMutations(plan.mutations)
  try {
    const token = prepared.userTokens[0]!
    const loadFirst = async (group: number) => {
      const { first, close } = await watch(plan.subscribers, group, null)
      close()
      return first
    }
    await quiet(server.process.pid!)
    const cold = await loadFirst(0)
    // Somebody follows all the while, as it is with a fleet.
    const holder = await watch(plan.subscribers, 0, plan.subscribers.after)
    const change = async () => {
      const heard = holder.next()
      const { problem } = await mutations.one()
      if (problem !== null) throw new Error(`a mutation failed: ${problem}`)
      await heard
    }
    await change()
    await loadFirst(0)
    const endProfile = await profile(server.inspectorUrl)
    const changedMs = await medianOf(repeats, async () => {
      await change()
      return loadFirst(0)
    })
    await endProfile()
    const unchangedMs = await medianOf(repeats, () => loadFirst(0))
    const otherUserMs = await medianOf(plan.subscribers.groups.length - 1, (at) => loadFirst(at + 1))
    const queryChangedMs = await medianOf(repeats, async () => {
      await change()
      return loadOverHttp(server.url, query, token)
    })
    const queryUnchangedMs = await medianOf(repeats, () => loadOverHttp(server.url, query, token))
    holder.close()
    return { changedMs, unchangedMs, coldMs: cold.milliseconds, otherUserMs, queryChangedMs, queryUnchangedMs, eventBytes: cold.bytes }
  } finally {
    await mutations.stop()
    await server.stop()
    await database.drop()
  }
}

export async function measureSnapshots(options: SnapshotOptions): Promise<SnapshotResult> {
  const baselines = await measureBaselines(options)
  return { kind: 'SNAPSHOT', entries: options.prepared.entries.length, ...baselines, ...await measureService(options) }
}
