import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import {
  AuditEventsDocument, EffectiveCatalogDocument, SetUserRoleDocument, UpdateAgentDocument, ViewerDocument,
} from '../../src/client/index.js'
import { type ChainName } from '../../src/catalog/audit.js'
import { chainHash } from '../../src/catalog/chain.js'
import { formatCursor } from '../../src/core/change.js'
import { type OwnerQuery } from '../../src/index/catalog-index.js'
import { readChain } from '../../src/db/audit.js'
import { readChangesAfter } from '../../src/db/change-log.js'
import { type Db } from '../../src/db/client.js'
import { readHead } from '../../src/db/head.js'
import { send } from './client.js'
import { differences } from './held.js'
import { type ApiNode } from './node.js'
import { createOracle, type Oracle } from './oracle.js'
import { rightOf } from './rights.js'
import { loadFrom, poolSize, readOn, type World } from './world.js'
import { fillRegistry } from './writers.js'

const deadlineMs = 60_000
const pageSize = 2_000

/** What must hold once a fault has healed. Everything waits for what it needs; who is behind at the end is named. */
export interface Checks {
  /** Resolves once every node commits; rejects with those that do not within a minute. */
  healed: () => Promise<void>
  /** Lets everything come to rest, then holds it against the database. */
  settle: () => Promise<string[]>
  /** What is looked at once, at the end. */
  finish: () => Promise<string[]>
}

export async function createChecks(world: World): Promise<Checks> {
  const { model, nodes, postgres } = world
  let oracle: Oracle = createOracle(await loadFrom(postgres, 'pilothouse'), model)
  // What happened before the oracle looked is settled by what the log says.
  model.certain((key) => rightOf(oracle.index().state, key))
  fillRegistry(world.registry, oracle.index().state.entries.values())
  let chains = newChains()
  const cursorNow = () => formatCursor(oracle.index().state)

  /** Reads the log to its end and judges everything that was heard up to there. */
  async function readLog(db: Db): Promise<string[]> {
    const problems: string[] = []
    for (;;) {
      const changes = await readChangesAfter(db, oracle.index().state.sequence, pageSize)
      problems.push(...oracle.advance(changes))
      if (changes.length < pageSize) return problems
    }
  }

  async function afterRestore(): Promise<string[]> {
    const { restored } = world
    if (restored === null) return []
    world.restored = null
    chains = newChains()
    for (const follower of world.followers) follower.wake()
    const before = oracle.index().state.incarnation
    const { incarnation } = await readOn(postgres, 'pilothouse', readHead)
    if (incarnation === before) {
      // What was heard and answered cannot be told apart, and is not judged.
      await restored.dropLost()
      model.missing(incarnation)
      oracle = createOracle(restored.base, model)
      oracle.skip(world.followers)
      return [`the database was restored, and its incarnation is still ${incarnation}: cursors of before pass for cursors of now`]
    }
    const problems = await restored.readLost(readLog)
    await restored.dropLost()
    oracle.rebase({ ...restored.base, incarnation })
    return problems
  }

  async function settle(): Promise<string[]> {
    await world.load.pause()
    const deadline = performance.now() + deadlineMs
    const top = await comeToRest(world, deadline)
    oracle.listen(world.followers)
    const problems = [...await afterRestore(), ...await readOn(postgres, 'pilothouse', readLog)]
    if (cursorNow() !== top) problems.push(`the log ends at ${cursorNow()}, and the last change was answered with ${top}`)
    problems.push(...await eventually(deadline, () => followerProblems(world, oracle)))
    oracle.listen(world.followers)
    problems.push(...oracle.advance([]), ...oracle.leftovers(), ...model.missing(oracle.index().state.incarnation))
    problems.push(...model.judgeRights((key) => rightOf(oracle.index().state, key)))
    problems.push(...oracle.tables(await loadFrom(postgres, 'pilothouse')))
    problems.push(...await readOn(postgres, 'pilothouse', async (db) => [...await verify(db, world.auditKey, chains, 'changes'), ...await verify(db, world.auditKey, chains, 'access')]))
    problems.push(...await eventually(deadline, () => nodeProblems(world, oracle)))
    problems.push(...await eventually(deadline, () => workerProblems(world, oracle, top)))
    problems.push(...await tokenProblems(world, oracle), ...await logProblems(world))
    problems.push(...(await Promise.all(nodes.map((node) => poolProblems(world, node)))).flat())
    // From here on it is known again what is so.
    model.certain((key) => rightOf(oracle.index().state, key))
    fillRegistry(world.registry, oracle.index().state.entries.values())
    world.load.resume()
    return problems
  }

  return {
    healed: async () => {
      const deadline = performance.now() + deadlineMs
      await Promise.all(nodes.map((node) => pulse(world, node, deadline)))
    },
    settle,
    finish: async () => {
      await world.load.pause()
      const { code, said } = await world.operate('audit', 'verify')
      return code === 0 ? [] : [`pilothouse audit verify ended with ${code}: ${said}`]
    },
  }
}

async function eventually(deadline: number, look: () => Promise<string[]> | string[]): Promise<string[]> {
  for (;;) {
    const problems = await look()
    if (problems.length === 0 || performance.now() > deadline) return problems
    await delay(25)
  }
}

/** A change through one node that everybody hears, tried until it is answered. */
async function pulse(world: World, node: ApiNode, deadline: number): Promise<string> {
  const beat = world.pulses.get(node)!
  let last = 'nothing was tried'
  while (performance.now() < deadline) {
    const marker = world.newMarker()
    const { id, revision } = beat
    const answer = await send(node, world.admin.token, UpdateAgentDocument, {
      input: { id, expectedRevision: revision, definition: { description: marker, prompt: 'Beat.' } },
    }, 5_000)
    if (answer.outcome === 'COMMITTED') {
      const { agent, cursor } = answer.data.updateAgent
      beat.revision = agent.revision
      world.model.committed(cursor, { what: `pulse ${marker}`, fits: (change) => change.subject === 'ENTRY' && change.id === id && change.after?.revision === agent.revision })
      return cursor
    }
    const { code, message, extensions } = answer.error
    last = `${code} ${message}`
    if (code === 'REVISION_CONFLICT') beat.revision = Number(extensions.currentRevision)
    await delay(50)
  }
  const { said } = await takeLog(world, node)
  throw new Error(`${node.name} did not commit within ${deadlineMs / 1_000} s: ${last}. It logged: ${said.slice(-5).join(' | ')}. Connections: ${await connectionsOf(world)}`)
}

/** What Postgres says of the nodes' connections, for whoever has to find out why nothing moves. */
async function connectionsOf({ postgres }: World): Promise<string> {
  const rows = await postgres.ask((sql) => sql<{ line: string }[]>`
    select concat_ws(' ', datname, application_name, state, wait_event, left(query, 60)) as line from pg_stat_activity where application_name like 'pilothouse%'`)
  return rows.map(({ line }) => line.replaceAll(/\s+/g, ' ')).join(' | ')
}

/** Nobody writes, the last change was a pulse, every node stands there and every follower has heard it or was refused. */
async function comeToRest(world: World, deadline: number): Promise<string> {
  for (;;) {
    let top = ''
    for (const node of world.nodes) top = await pulse(world, node, deadline)
    const behind = await eventually(deadline, () => whoIsBehind(world, top))
    if (behind.length > 0) throw new Error(`behind ${top} after ${deadlineMs / 1_000} s: ${behind.join('; ')}`)
    // What it makes of servers that it did not know yet goes into the log. What keeps it from resting is told by the checks.
    await eventually(deadline, () => whatWorkerStarts(world, top))
    // What a client had given up may have been committed late.
    if (formatCursor(await readOn(world.postgres, 'pilothouse', readHead)) === top) return top
  }
}

async function whoIsBehind({ nodes, followers, reader }: World, top: string): Promise<string[]> {
  const late = followers.filter((follower) => follower.status() === 'OPENING' || (follower.status() === 'LIVE' && !isAt(follower.cursor(), top)))
    .map((follower) => `${follower.name} on ${follower.where()} is ${follower.status()} at ${follower.cursor()}`)
  const lagging = await Promise.all(nodes.map(async (node) => {
    const answer = await send(node, reader.token, EffectiveCatalogDocument, { owner: { kind: 'DEPLOYMENT' } })
    const cursor = answer.outcome === 'COMMITTED' ? answer.data.effectiveCatalog.cursor : answer.error.code
    return isAt(cursor, top) ? [] : [`${node.name} stands at ${cursor}`]
  }))
  return [...late, ...lagging.flat()]
}

/** MCP servers that its sessions have not got ready by then, or whose first inventory the catalog has not taken yet. */
async function whatWorkerStarts({ worker }: World, top: string): Promise<string[]> {
  const sessions = await worker.ask(top) ?? [{ trouble: 'it does not answer', rows: [] }]
  return sessions.flatMap(({ trouble, rows }) => [
    ...(trouble === null ? [] : [trouble]),
    ...rows.filter(({ kind, state, reason }) => kind === 'MCP_SERVER' && (state !== 'APPLIED' || reason !== null)).map(({ name }) => name),
  ])
}

const isAt = (cursor: string | null, wanted: string) => cursor !== null && cursor.slice(0, 8) === wanted.slice(0, 8) && cursor >= wanted

function followerProblems({ followers }: World, oracle: Oracle): string[] {
  return followers.flatMap((follower) => {
    const { name, owner } = follower
    const place = `${name} on ${follower.where()}`
    const may = oracle.mayRead(follower.tokenId(), owner)
    if (!may) return follower.status() === 'LIVE' ? [`F2 ${place} goes on, and has no right any more`] : []
    if (follower.status() !== 'LIVE') return [`${place} is ${follower.status()}, and has the right`]
    return oracle.difference(follower).map((line) => `F3 ${place}: ${line}`)
  })
}

/** `effectiveCatalog` of every owner, asked of every node. */
async function nodeProblems({ nodes, followers, reader }: World, oracle: Oracle): Promise<string[]> {
  const owners = [...new Map(followers.map(({ owner }) => [JSON.stringify(owner), owner])).values()]
  const problems = await Promise.all(nodes.flatMap((node) => owners.map(async (owner) => {
    const answer = await send(node, reader.token, EffectiveCatalogDocument, { owner })
    if (answer.outcome !== 'COMMITTED') return [`${node.name} answers ${answer.error.code} for ${nameOf(owner)}`]
    const { mcpServers, agents } = answer.data.effectiveCatalog
    const held = new Map([...mcpServers, ...agents].map(({ kind, name, ...rest }) => [`${kind}:${name}`, rest]))
    return differences(held, oracle.setOf(owner)).map((line) => `F3 ${node.name}, ${nameOf(owner)}: ${line}`)
  })))
  return problems.flat()
}

const nameOf = ({ kind, id, subject }: OwnerQuery) => `${kind} ${subject ?? id ?? ''}`

/** What each session has once it has settled: the set of its owner, all of it running. */
async function workerProblems({ worker }: World, oracle: Oracle, top: string): Promise<string[]> {
  const sessions = await worker.ask(top)
  if (sessions === null) return ['the worker does not answer']
  return sessions.flatMap(({ trouble, rows, items }, at) => {
    const owner = worker.owners[at]!
    const wanted = oracle.setOf(owner)
    const applied = new Map(rows.filter(({ state }) => state !== 'STOPPING').map(({ kind, name, entryId, revision, state, reason }) => (
      [`${kind}:${name}`, { id: entryId ?? '', revision: revision ?? 0, digest: wanted.get(`${kind}:${name}`)?.digest ?? '', state, reason }])))
    const lines = [
      ...(trouble === null ? [] : [trouble]), ...differences(applied, wanted),
      ...[...applied].filter(([, { state }]) => state !== 'APPLIED').map(([key, { state, reason }]) => `${key} is ${state}: ${reason}`),
      ...(items.length === wanted.size ? [] : [`its adapter holds ${items.length} items instead of ${wanted.size}`]),
    ]
    return lines.map((line) => `F3 the worker's session of ${nameOf(owner)}: ${line}`)
  })
}

/** Every token opens what it may on every node, and a revoked one nothing. */
async function tokenProblems({ nodes, credentials, revoked, admin, reader }: World, oracle: Oracle): Promise<string[]> {
  const known = new Map([...revoked, ...[...credentials, admin, reader].map(({ tokenId, token }): [string, string] => [tokenId, token])])
  const isLive = (id: string) => oracle.index().state.tokens.get(id)?.revokedAt === null
  const problems = await Promise.all([...known].flatMap(([id, token]) => nodes.map(async (node) => {
    const answer = await send(node, token, ViewerDocument, {})
    const code = answer.outcome === 'COMMITTED' ? 'OK' : answer.error.code
    const wanted = isLive(id) ? 'OK' : 'UNAUTHENTICATED'
    return code === wanted ? [] : [`${node.name} answers ${code} to token ${id}, which is ${isLive(id) ? 'live' : 'revoked'}`]
  })))
  const ended = [...known].find(([id]) => !isLive(id))
  const sockets = ended === undefined ? [] : await Promise.all(nodes.map(async (node) => {
    const code = await closeCodeOf(node, ended[1])
    return code === 4401 ? [] : [`${node.name} closes a socket with ${code} whose token is revoked`]
  }))
  for (const id of [...revoked.keys()].slice(0, -20)) revoked.delete(id)
  return [...problems, ...sockets].flat()
}

function closeCodeOf({ webSocketUrl }: ApiNode, token: string): Promise<number | string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(webSocketUrl, 'graphql-transport-ws', { handshakeTimeout: 10_000 })
    socket.once('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } })))
    socket.once('message', () => socket.terminate())
    socket.once('error', (error) => resolve(error.message))
    socket.once('close', (code) => resolve(code))
  })
}

/** Queries and transactions at once, more than the pool has connections: one that was lost would keep some waiting. */
async function poolProblems(world: World, node: ApiNode): Promise<string[]> {
  const { admin } = world
  const times = Array.from({ length: 3 * poolSize })
  const answers = await Promise.all([
    ...times.map(() => send(node, admin.token, AuditEventsDocument, { first: 1 }, 20_000)),
    // Changes nothing, in a transaction.
    ...times.map(() => send(node, admin.token, SetUserRoleDocument, { userId: admin.userId!, role: 'ADMIN' as const }, 20_000)),
  ])
  const failed = answers.flatMap((answer, at) => (answer.outcome === 'COMMITTED' ? [] : [`a ${at < times.length ? 'query' : 'transaction'}: ${answer.error.code} ${answer.error.message}`]))
  if (failed.length === 0) return []
  const { said } = await takeLog(world, node)
  return [`${node.name}: ${failed.length} of ${answers.length} requests at once failed, such as ${failed[0]} The node logged: ${said.slice(0, 3).join(' | ')}`]
}

/** What a node logged since it was last asked, counted by what it says; and what is no line of the log: a crash, or somebody's complaint. */
async function takeLog({ logged }: World, node: ApiNode): Promise<{ said: string[]; rest: string[] }> {
  const lines = (await node.takeLog()).split('\n').filter((line) => line !== '')
  const said = lines.filter((line) => line.startsWith('{')).map((line) => {
    const { msg, err } = JSON.parse(line) as { msg: string; err?: { message: string; code?: string | null; cause?: string | null } }
    return [msg, err?.message.slice(0, 100), err?.code, err?.cause].filter(Boolean).join(': ').replaceAll(/\s+/g, ' ')
  })
  for (const text of said) logged.set(text, (logged.get(text) ?? 0) + 1)
  // A node that was started while the database was away says so in this one line.
  return { said, rest: lines.filter((line) => !/^(\{|The database at \S+ does not answer\. Start it, )/.test(line)) }
}

async function logProblems(world: World): Promise<string[]> {
  const problems = await Promise.all(world.nodes.map(async (node) => {
    const { rest } = await takeLog(world, node)
    return rest.length === 0 ? [] : [`${node.name} wrote to stderr: ${rest.slice(0, 8).join(' | ').slice(0, 800)}`]
  }))
  return problems.flat()
}

/** How far each chain was verified. */
export type Chains = Record<ChainName, { sequence: number; hash: string }>
export const newChains = (): Chains => ({ changes: { sequence: 0, hash: '' }, access: { sequence: 0, hash: '' } })

/** Recomputes the hashes of the rows that came since. */
export async function verify(db: Db, key: Buffer, chains: Chains, chain: ChainName): Promise<string[]> {
  const at = chains[chain]
  for (;;) {
    const page = await readChain(db, chain, at.sequence, pageSize)
    for (const record of page) {
      if (record.sequence !== at.sequence + 1) return [`the ${chain} chain lacks ${at.sequence + 1}`]
      if (record.hash !== chainHash(key, at.hash, record)) return [`the ${chain} chain breaks at ${record.sequence}`]
      Object.assign(at, { sequence: record.sequence, hash: record.hash })
    }
    if (page.length < pageSize) return []
  }
}
