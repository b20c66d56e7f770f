import { print } from 'graphql'
import { createCatalogClient, SetPolicyDocument, SimulatePolicyDocument } from '../src/client/index.js'
import { loadOverHttp, watch } from './loads.js'
import { nowMs, quiet } from './machine.js'
import { planOf, startServer } from './service.js'
import { type SnapshotOptions } from './snapshot.js'
import { median } from './stats.js'

/** Medians of one round, in milliseconds until answered. */
export interface SimulationResult {
  kind: 'SIMULATION'
  entries: number
  /** `simulatePolicy`, its first page: every verdict would change, and none. */
  allMs: number
  noneMs: number
  /** `setPolicy`: everything is denied, and allowed again; everything needs an approval, and none any more. */
  deniedMs: number
  allowedMs: number
  askedMs: number
  endedMs: number
  /** Pages that held others than they should have. */
  wrong: string[]
}

const documents = {
  allowed: {}, denied: { transports: { http: 'deny' } }, asked: { transports: { http: 'approve' } }, other: { quotas: { entriesPerUser: 500 } },
} as const

/** Every entry of a large catalog is judged again, while a user of each group follows their set. */
export async function measureSimulation({ postgres, prepared, repeats, profile, isInspected }: SnapshotOptions): Promise<SimulationResult> {
  const database = await postgres.create(prepared.template)
  const server = await startServer(database.url, prepared.dataDir, isInspected)
  const client = createCatalogClient({ url: server.url, token: prepared.adminToken, timeoutMs: 120_000 })
  let revision = 0
  const inputOf = (document: object) => ({ owner: { kind: 'DEPLOYMENT' as const }, expectedRevision: revision, document })
  const simulate = async (document: object) => {
    const body = JSON.stringify({ query: print(SimulatePolicyDocument), variables: { input: inputOf(document) } })
    return (await loadOverHttp(server.url, body, prepared.adminToken)).milliseconds
  }
  const set = async (document: object) => {
    const begin = nowMs()
    await client.execute(SetPolicyDocument, { input: inputOf(document) })
    revision++
    return nowMs() - begin
  }
  const foretold = async (document: object) => (await client.execute(SimulatePolicyDocument, { input: inputOf(document) })).simulatePolicy.nodes.length
  try {
    const { subscribers } = planOf(prepared, server.url, prepared.userTokens.length, 0)
    const watchers = await Promise.all(subscribers.groups.map((_, group) => watch(subscribers, group, null)))
    await quiet(server.process.pid!)
    const wrong = await foretold(documents.denied) > 0 ? [] : ['a policy that denies everything would change nothing']
    if (await foretold(documents.other) > 0) wrong.push('a policy that only alters a quota would change verdicts')
    const endProfile = await profile(server.inspectorUrl)
    const all = await timesOf(repeats, () => simulate(documents.denied))
    const none = await timesOf(repeats, () => simulate(documents.other))
    const changes = await timesOf(repeats, async () => [
      await set(documents.denied), await set(documents.allowed), await set(documents.asked), await set(documents.allowed),
    ])
    await endProfile()
    watchers.forEach(({ close }) => close())
    const [deniedMs, allowedMs, askedMs, endedMs] = [0, 1, 2, 3].map((at) => median(changes.map((times) => times[at]!))!) as [number, number, number, number]
    return { kind: 'SIMULATION', entries: prepared.entries.length, allMs: median(all)!, noneMs: median(none)!, deniedMs, allowedMs, askedMs, endedMs, wrong }
  } finally {
    await server.stop()
    await database.drop()
  }
}

async function timesOf<Time>(repeats: number, run: () => Promise<Time>): Promise<Time[]> {
  const times: Time[] = []
  for (let at = 0; at < repeats; at++) times.push(await run())
  return times
}
