import { setTimeout as delay } from 'node:timers/promises'
import { RegisterMcpServerDocument, UpdateMcpServerDocument } from '../../src/client/index.js'
import { type createRandom } from '../support/random.js'
import { subscribe } from '../support/subscriber.js'
import { send } from './client.js'
import { type ApiNode } from './node.js'
import { copyDatabase, copyFolder, type PutBack } from './restore.js'
import { poolSize, type World } from './world.js'

export type Random = ReturnType<typeof createRandom>

/** What a fault did, and what the operator does about it; `recovery` is under way when the damage is done. */
export interface Damage {
  detail: string
  recovery?: Promise<unknown>
  /** What must hold besides everything else once all has come to rest. */
  check?: () => Promise<string[]>
}

export type Fault = (world: World, random: Random) => Promise<Damage>

/** The first node lives through everything but restores on stopped nodes, so that its memory tells something. */
const mortal = ({ nodes }: World, random: Random): ApiNode => random.pick(nodes.length > 1 ? nodes.slice(1) : nodes)

const killNode: Fault = async (world, random) => {
  const node = mortal(world, random)
  await node.kill()
  return { detail: node.name, recovery: delay(random.below(500)).then(() => node.start()) }
}

const stopNode: Fault = async (world, random) => {
  const node = mortal(world, random)
  const code = await node.terminate()
  if (code !== 0) world.violate(`${node.name} was asked to stop and ended with ${code}`)
  return { detail: node.name, recovery: node.start() }
}

/** NOTIFY switched off: the node reads the log on its timer alone. Its next restart listens again. */
const deafenNode: Fault = async (world, random) => {
  const node = mortal(world, random)
  const code = await node.terminate()
  if (code !== 0) world.violate(`${node.name} was asked to stop and ended with ${code}`)
  return { detail: node.name, recovery: node.start({ listens: false }) }
}

/** Its sockets stay open meanwhile, and what it believed is old when it wakes. */
const freezeNode: Fault = async ({ nodes }, random) => {
  const node = random.pick(nodes)
  const ms = 500 + random.below(3_500)
  node.freeze()
  await delay(ms)
  node.thaw()
  return { detail: `${node.name} for ${ms} ms` }
}

const killPostgres: Fault = async ({ postgres }, random) => {
  await postgres.kill()
  return { detail: 'all its processes', recovery: delay(random.below(1_000)).then(() => postgres.start()) }
}

const killOneBackend: Fault = async ({ postgres }) => {
  await postgres.killOneBackend()
  return { detail: 'it ends all others and recovers' }
}

const stopPostgres: Fault = async ({ postgres }) => {
  await postgres.stop()
  await delay(10_000)
  return { detail: 'in order', recovery: postgres.start() }
}

const freezePostgres: Fault = async ({ postgres }) => {
  await postgres.freeze()
  await delay(10_000)
  await postgres.thaw()
  return { detail: 'connections stay open' }
}

const killWorker: Fault = async ({ worker }) => {
  await worker.kill()
  worker.start()
  return { detail: 'its sessions begin anew' }
}

/** What was sent to it meanwhile arrives together when it wakes. */
const freezeWorker: Fault = async ({ worker }, random) => {
  const ms = 500 + random.below(3_500)
  worker.freeze()
  await delay(ms)
  worker.thaw()
  return { detail: `for ${ms} ms` }
}

const endListeners = ({ postgres }: World) => postgres.ask((sql) => sql<{ pid: number }[]>`
  select pid from pg_stat_activity where application_name like 'pilothouse%' and query ilike 'listen%' and pg_terminate_backend(pid)`)

const endListener: Fault = async (world) => ({ detail: `${(await endListeners(world)).length} connections` })

/** Whatever listens is ended again and again, so that hardly any notice arrives. */
const endListenersAgain: Fault = async (world) => {
  let ended = 0
  for (let round = 0; round < 60; round++) {
    ended += (await endListeners(world)).length
    await delay(30)
  }
  return { detail: `${ended} connections in 2 s and more` }
}

const endBackends: Fault = async ({ postgres }, random) => {
  const count = 1 + random.below(2 * poolSize)
  const ended = await postgres.ask((sql) => sql<{ pid: number }[]>`
    select pid, pg_terminate_backend(pid) from (
      select pid from pg_stat_activity where application_name like 'pilothouse%' order by random() limit ${count}) as unlucky`)
  return { detail: `${ended.length} connections` }
}

/**
 * With the counter row locked, whoever commits waits in the middle of a transaction; those are ended. One statement, because the driver's own
 * `begin` throws past every handler when its backend is killed, which a second fault may do.
 */
const endCommits: Fault = async ({ postgres }, random) => {
  const [row] = await postgres.ask(async (sql) => {
    await sql`create temporary table ended (pid integer)`
    await sql.unsafe(`do $$ begin
      perform 1 from catalog_head for update;
      perform pg_sleep(${(200 + random.below(400)) / 1_000});
      perform pg_stat_clear_snapshot();
      insert into ended
        select pid from pg_stat_activity where application_name like 'pilothouse%' and wait_event_type = 'Lock' and pg_terminate_backend(pid);
    end $$`)
    return sql<{ count: string }[]>`select count(*) from ended`
  }, 'pilothouse')
  return { detail: `${row!.count} connections` }
}

/** Transactions between two statements, caught as they come by. */
const endTransactions: Fault = async ({ postgres }) => {
  const [row] = await postgres.ask(async (sql) => {
    await sql`create temporary table ended (pid integer)`
    await sql.unsafe(`do $$ declare caught integer; ended integer := 0; begin
      for round in 1..3000 loop
        perform pg_stat_clear_snapshot();
        select pid into caught from pg_stat_activity where application_name like 'pilothouse%' and state = 'idle in transaction' limit 1;
        if caught is not null then
          perform pg_terminate_backend(caught);
          insert into ended values (caught);
          ended := ended + 1;
        end if;
        exit when ended >= 5;
        perform pg_sleep(0.0005);
      end loop;
    end $$`)
    return sql<{ count: string }[]>`select count(*) from ended`
  })
  return { detail: `${row!.count} connections` }
}

/** A reader that stops reading, while large changes are sent to it: it must be let go, and find its way back. */
const stallReader: Fault = async (world) => {
  const { slowFollower, slow } = world
  const node = slowFollower.stall()
  if (node === null) return { detail: 'the reader was not connected' }
  const before = await node.rss() ?? 0
  const headers = Array.from({ length: 60 }, (_, at) => ({ name: `X-${at}`, value: 'y'.repeat(950) }))
  let written = 0
  // Of 60 KB each: together more than the kernel and the server hold for one reader.
  const changes = 192
  for (let at = 0; at < changes; at++) {
    const definition = { description: world.newMarker(), transport: { http: { url: `http://127.0.0.1:${world.mcpPort}/mcp`, headers } } }
    const known = world.big
    const answer = known === null
      ? await send(node, slow.token, RegisterMcpServerDocument, { input: { owner: { kind: 'USER' as const }, name: 'big', definition } })
      : await send(node, slow.token, UpdateMcpServerDocument, { input: { id: known.id, expectedRevision: known.revision, definition } })
    if (answer.outcome !== 'COMMITTED') {
      world.big = answer.error.code === 'REVISION_CONFLICT' && known !== null ? { id: known.id, revision: Number(answer.error.extensions.currentRevision) } : null
      continue
    }
    written += 1
    const { mcpServer } = 'registerMcpServer' in answer.data ? answer.data.registerMcpServer : answer.data.updateMcpServer
    world.big = { id: mcpServer.id, revision: mcpServer.revision }
  }
  const grown = Math.round(((await node.rss() ?? 0) - before) / 1_024)
  if (grown > 300) world.violate(`F4 ${node.name} grew by ${grown} MB for one reader that does not read`)
  // 1006: a peer that answers no ping is let go as well.
  const closes = () => (slowFollower.drops.get('4420') ?? 0) + (slowFollower.drops.get('1006') ?? 0)
  const closedBefore = closes()
  slowFollower.resume()
  return {
    detail: `${written} changes of 60 KB on ${node.name}, which grew by ${grown} MB`,
    check: async () => (written < changes || closes() > closedBefore ? [] : ['F4 a reader that did not read was never closed']),
  }
}

/** Changes that were committed vanish; cursors of before must lead to snapshots. */
function restore(copy: (world: World) => Promise<PutBack>, isOnStoppedNodes: boolean, ...operate: string[]): Fault {
  return async (world, random) => {
    const { nodes, reader } = world
    const putBack = await copy(world)
    await delay(1_000 + random.below(2_000))
    const cursors = [...new Set(world.followers.map((follower) => follower.cursor()).filter((cursor) => cursor !== null))].slice(0, 3)
    if (isOnStoppedNodes) {
      for (const code of await Promise.all(nodes.map((node) => node.terminate()))) if (code !== 0) world.violate(`a node was asked to stop and ended with ${code}`)
    }
    world.model.uncertain()
    const detail = await putBack()
    // Nobody can see of a folder that it is older than it was: the operator says so.
    const { code, said } = operate.length === 0 ? { code: 0, said: '' } : await world.operate(...operate)
    if (code !== 0) world.violate(`pilothouse ${operate.join(' ')} ended with ${code}: ${said}`)
    return {
      detail: `${detail}, ${isOnStoppedNodes ? 'nodes stopped' : 'nodes left running'}`,
      recovery: isOnStoppedNodes ? Promise.all(nodes.map((node) => node.start())) : Promise.resolve(),
      check: async () => (await Promise.all(nodes.flatMap((node) => cursors.map((cursor) => oldCursorProblem(node, reader.token, cursor))))).flat(),
    }
  }
}

async function oldCursorProblem(node: ApiNode, token: string, cursor: string): Promise<string[]> {
  const subscriber = subscribe(node.webSocketUrl, token, { kind: 'DEPLOYMENT' }, cursor)
  try {
    const { __typename } = await subscriber.next({ bookmarks: true })
    return __typename === 'CatalogSnapshot' ? [] : [`${node.name} answers ${cursor}, of before the restore, with a ${__typename}`]
  } finally {
    await subscriber.close()
  }
}

/** Two of the quick ones at the same moment. */
const twoAtOnce: Fault = async (world, random) => {
  const some = Object.entries({ killPostgres, killNode, killWorker, endBackends, endCommits, freezeNode })
  const first = random.below(some.length)
  const second = (first + 1 + random.below(some.length - 1)) % some.length
  // One may cut off the other's own connection to the database.
  const cutOff = (error: Error): Damage => ({ detail: `cut off: ${error.message}` })
  const damages = await Promise.all([first, second].map((at) => some[at]![1](world, random).catch(cutOff)))
  return {
    detail: [first, second].map((at, each) => `${some[at]![0]} (${damages[each]!.detail})`).join(' and '),
    recovery: Promise.all(damages.map(async ({ recovery }) => recovery)),
  }
}

export const faults: Record<string, Fault> = {
  'node killed': killNode, 'node stopped': stopNode, 'node frozen': freezeNode, 'NOTIFY switched off': deafenNode,
  'Postgres killed': killPostgres, 'backend killed': killOneBackend, 'Postgres stopped for 10 s': stopPostgres, 'Postgres frozen for 10 s': freezePostgres,
  'worker killed': killWorker, 'worker frozen': freezeWorker, 'listener ended': endListener, 'listeners ended again and again': endListenersAgain,
  'connections ended': endBackends, 'commits ended': endCommits, 'transactions ended': endTransactions, 'reader stalled': stallReader,
  'database restored': restore(copyDatabase, false), 'database restored on stopped nodes': restore(copyDatabase, true),
  'folder restored': restore(copyFolder, false), 'folder restored on stopped nodes': restore(copyFolder, true, 'database', 'restored'),
  'two at once': twoAtOnce,
}
